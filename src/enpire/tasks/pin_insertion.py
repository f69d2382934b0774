"""Pin insertion: a pin of 3.7 mm, held by the right arm, belongs in one of four holes of 4.0 mm."""

from enpire.environment.scenario import check_options
from enpire.environment.station_task import OPTIONS, StationTask
from enpire.tasks._pin import facts
from enpire.tasks._pin.scenario import PinInsertion


def make(options: dict[str, float]) -> StationTask:
    """The task with these options in force.

    Description
        Two YAM arms at a table. The right gripper holds a pin by its head, tip down, 1 cm above a blue box with 2 x 2
        holes 20 mm apart and 20 mm deep. The policy puts the pin into the far left hole, all the way, and keeps still.
    Action Space
        14 joint targets at 30 Hz: per arm (left, right) six joints in rad and the gripper's opening in [0, 1].
    Observation Space
        `observation.state`, `.velocity`, `.effort` (14 values each, as the action), `.ages_s` (age of each camera's
        newest picture), and pictures on demand of `top` and `right_wrist`, 480 x 640.
    Starting State
        The tool within 3 mm of straight above where the hole should be, tilted by up to 3 degrees; the pin's head is
        gripped up to 2 mm off its middle, more or less by what the robot's own grip is off, and the box stands a few
        millimetres from where it should. The robot brings the pin there: it puts it into the hole, grips it anew and
        takes it out. A pin that was dropped needs a person, which is counted and costs a minute.
    Verification
        When the arm has stood still for 0.3 s, low down or with an open and risen hand: the wrist camera measures the
        pin's head relative to the box. Success: within 2 mm sideways and 1.7 mm in height of where an inserted pin's
        head is; the tip may truly be 2 mm above the floor.
    Episode End
        Success, 15 s, the safety supervisor, a silent robot or a camera that gives nothing new.
    Version History
        0: first version.
    """
    checked = check_options(options, OPTIONS | facts.facts().options)
    return StationTask(PinInsertion(plugged=bool(checked["plugged"])), options)
