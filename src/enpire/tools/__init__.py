"""What resets, verifiers and policies may use: perception, kinematics, planning, control. No simulator in here."""
