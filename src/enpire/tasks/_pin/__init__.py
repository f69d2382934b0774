"""Pin insertion: a pin held by the right arm goes into one of four holes of a box."""
