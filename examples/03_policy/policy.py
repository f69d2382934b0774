"""A policy for CartPole written by hand: push towards where the pole falls.

Try it: enpire trial gym:CartPole-v1 --policy examples/03_policy --episodes 20
"""


class Policy:
    """State: cart position m, cart velocity m/s, pole angle rad, pole velocity rad/s. Action: 0 left, 1 right."""

    def __init__(self, task):
        del task  # all that the task says about itself, as a dict

    def reset(self, observation, instruction):
        """Called once per episode with its first observation."""

    def select_action(self, observation):
        """One value per action entry; the harness clips it to the declared box."""
        _, speed, angle, turning = observation["observation.state"]
        return [1.0 if angle + 0.3 * turning + 0.02 * speed > 0.0 else 0.0]
