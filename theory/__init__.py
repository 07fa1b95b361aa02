"""What is claimed: statements, proof steps and constants, in SymPy."""
