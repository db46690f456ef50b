"""How an entry of the trail names the case it is about."""

from typing import Any

from qms.database import stamp
from qms.workflows.file import File


def sealed_case(file: File, step: str | None, source: str | None) -> dict[str, Any]:
    """How an entry names the case it is about."""
    return {
        "number": file.number,
        "n": file.n,
        "workflow": file.workflow,
        "definition": file.definition,
        "procedure": file.procedure.sealed() if file.procedure else None,
        "step": step,
        "from": source,
        "to": file.state,
        "version": file.version,
        "changed_at": stamp(file.changed_at),
    }
