"""Parses each line of a file as an AG-UI event with the official models and prints {"accepted": n, "faults": [...]}."""

import json
import sys

from ag_ui.core import Event
from pydantic import TypeAdapter, ValidationError


def main(path: str) -> None:
    adapter = TypeAdapter(Event)
    accepted = 0
    faults = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            try:
                event = adapter.validate_json(line)
            except ValidationError as error:
                faults.append(f"{line.strip()[:300]}: {error}")
                continue
            written = json.loads(event.model_dump_json(by_alias=True, exclude_none=True))
            missing = [name for name in json.loads(line) if name not in written]
            if missing:
                faults.append(f"{line.strip()[:300]}: the model dropped {missing}")
            else:
                accepted += 1
    print(json.dumps({"accepted": accepted, "faults": faults}))


main(sys.argv[1])
