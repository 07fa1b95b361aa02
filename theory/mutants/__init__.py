"""Wrong variants of the statements and the constants that can be turned, one topic a file (:mod:`theory.mutant`).

Each file offers `MUTANTS` and `CONSTANTS`, identifier of a statement → its mutants, its constants; the statements of
:mod:`theory.theorems` take theirs from there.  Expressions are written out once more, from :mod:`theory.mutants.expressions`:
the theorems cannot be imported here, and the tests compare every constant at its stated value with the statement.
"""
