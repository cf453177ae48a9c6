"""Write the JSON Schema of the configuration, for editors: `python docs/build_schema.py`."""

import json
from pathlib import Path

from flows.run_config import RunConfig

PATH = Path(__file__).parent / "config.schema.json"


def schema_text() -> str:
    """Return the schema as it is published."""
    schema = RunConfig.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(schema_text(), encoding="utf-8")
