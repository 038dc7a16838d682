"""Holds descriptions for Home Assistant against its own schemas.

In: lines of JSON, {"component": "sensor", "config": {...}}. Out: a line each, "ok" or what is wrong.
"""

import importlib
import json
import sys

import voluptuous

for line in sys.stdin:
    entity = json.loads(line)
    module = importlib.import_module("homeassistant.components.mqtt." + entity["component"])
    try:
        module.DISCOVERY_SCHEMA(entity["config"])
        print("ok")
    except voluptuous.Invalid as err:
        print(err)
