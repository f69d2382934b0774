"""Nothing to fit: the logged episodes hold no block poses. `python train.py DATA_FOLDER` says so and changes nothing.

What the pushes of one episode tell about the arm and the camera, the block `learned_aim` learns while it plays.
"""

if __name__ == "__main__":
    print("nothing to identify from logged episodes; changed nothing")
