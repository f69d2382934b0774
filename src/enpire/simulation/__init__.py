"""The physical world that simulated robots live in: MuJoCo scenes, hidden station profiles, cameras."""
