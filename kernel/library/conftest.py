"""The fixtures of the integration tests, for tests of the library that need a kernel which keeps connections."""
# SPDX-License-Identifier: GPL-2.0

import importlib.util
import sys
from pathlib import Path

INTEGRATION = Path(__file__).resolve().parents[2] / 'test' / 'integration' / 'conftest.py'
_spec = importlib.util.spec_from_file_location('integration', INTEGRATION)
integration = importlib.util.module_from_spec(_spec)
sys.modules['integration'] = integration
_spec.loader.exec_module(integration)

globals().update({name: value for name, value in vars(integration).items() if not name.startswith('_')})
