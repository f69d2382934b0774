"""What runs inside an agent's walls: the standard library, this package and `enpire.core.confinement`."""
