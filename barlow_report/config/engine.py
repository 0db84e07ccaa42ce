"""Where the work is done: in this process, or by workers of a Ray cluster."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from barlow_report.config.base import Name, Section, Workers

__all__ = ["EngineConfig"]

_Gpus = Annotated[float, Field(ge=0, le=64)]


def _or_word(schema: dict[str, Any]) -> None:
    whole = {key: schema.pop(key) for key in tuple(schema) if key != "description"}
    schema["anyOf"] = [{"enum": ["local", "ray"], "type": "string"}, whole]


class EngineConfig(Section):
    """Where the work is done; the word alone, `engine: ray`, is a section with this `kind`."""

    model_config = ConfigDict(json_schema_extra=_or_word)

    kind: Literal["local", "ray"] = Field(
        "local",
        description="local: by this process and its threads; ray: by workers of Ray, on this machine or on others, "
        "which needs the extra `distributed`. The results are the same.",
    )
    address: Name | None = Field(
        None,
        description="Of a Ray cluster that runs, such as 10.0.0.1:6379, or auto for the one that this machine is part "
        "of. Default: Ray is started on this machine, and ended with the run.",
    )
    n_workers: Workers | None = Field(
        None, description="Number of worker processes, each with its own models. Default: as many as there is room for."
    )
    cpus_per_worker: Workers | None = Field(
        None,
        description="Processors of each worker, and its threads. Default: 1 or, where workers have a GPU, an equal "
        "share.",
    )
    gpus_per_worker: _Gpus | None = Field(
        None,
        description="GPUs of each worker; 0.5: two workers share one. Default: 1 where the cluster has any and "
        "`device` allows it, else 0.",
    )

    @model_validator(mode="before")
    @classmethod
    def _read_word(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _needs_ray(self) -> "EngineConfig":
        if self.kind == "local":
            given = [name for name in type(self).model_fields if name != "kind" and getattr(self, name) is not None]
            if given:
                raise ValueError(f"{given[0]!r} goes with 'kind: ray'. Add that, or leave it out")
        if self.address is not None and "://" in self.address:
            raise ValueError(
                "expected host:port or auto in 'address': run the command on a machine of the cluster, not through "
                "Ray's client"
            )
        return self
