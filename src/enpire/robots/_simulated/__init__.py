"""What simulated robots share: the way of a command to the motors, and everything that goes wrong on it."""
