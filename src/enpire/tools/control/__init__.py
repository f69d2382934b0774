"""What to command next, step by step: state in, measurement in, state and command out. One file, one skill."""
