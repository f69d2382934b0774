"""One file, one robot. Simulated and real robots keep the same protocol (`enpire.robots.robot`)."""
