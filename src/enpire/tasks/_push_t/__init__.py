"""Push-T on a simulated station: the block, the pushing robot, the judge."""
