"""`python -m verify.recheck cert.json`; or `python DIRECTORY cert.json`, wherever this directory is and whatever it is called."""

import sys
from importlib import import_module
from os.path import abspath, dirname
from types import ModuleType

name = __package__
if not name:  # run as a script (the directory, or a zip file of it): then its modules are made a package of their own
    name, package = "recheck", ModuleType("recheck")
    package.__path__ = [dirname(abspath(__file__))]
    sys.modules[name] = package

sys.exit(import_module(name + ".command").main())
