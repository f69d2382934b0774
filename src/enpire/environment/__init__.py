"""EN: what a task is, what runs it, and what checks it. The judge's side."""
