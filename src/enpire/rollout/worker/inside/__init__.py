"""What runs on the untrusted side of the wall. Standard library and NumPy only; nothing of enpire is imported here."""
