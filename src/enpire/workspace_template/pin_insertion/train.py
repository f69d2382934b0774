"""Nothing to fit: logged episodes hold no places of pin or hole. `python train.py DATA_FOLDER` says so.

What one station is off by, the block `seen_aim` sees anew in every episode.
"""

if __name__ == "__main__":
    print("nothing to identify from logged episodes; changed nothing")
