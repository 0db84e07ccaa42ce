"""The routes of the collector.

GET  /api/health        that it is there, and whether the database can be used
GET  /api/session       who a token belongs to, their part, and what they have submitted
POST /api/annotations   one record; answered after it is on the disk
POST /api/enrol         a Prolific participant gets a token
POST /api/complete      the completion link, once everything is stored
GET  /…                 the site
"""

import json
from typing import Annotated, Any

from fastapi import FastAPI, Header, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from barlow_report.annotations.answers import Answer, AnswerError, parse_answer
from barlow_report.annotations.batches import Batch, load_batch
from barlow_report.annotations.collector.connection import UnavailableError
from barlow_report.annotations.collector.desk import Desk
from barlow_report.annotations.collector.guard import LOG, Guard, bearer, problem
from barlow_report.annotations.collector.pages import SitePages
from barlow_report.annotations.collector.places import refuse_in_site
from barlow_report.annotations.collector.settings import CollectorSettings
from barlow_report.annotations.collector.store import Annotator, ConflictError, Store
from barlow_report.errors import DataError

__all__ = ["make_app"]

Authorization = Annotated[str | None, Header(description="Bearer and the annotator's token")]


class Participant(BaseModel):
    """The three parameters that Prolific appends to the address of a study."""

    model_config = ConfigDict(extra="forbid", strict=True)

    prolific_pid: str = Field(pattern=r"^[A-Za-z0-9]{8,64}$")
    study_id: str = Field(pattern=r"^[A-Za-z0-9]{1,64}$")
    session_id: str = Field(pattern=r"^[A-Za-z0-9]{1,64}$")


def make_app(settings: CollectorSettings) -> FastAPI:
    """Make the application; whoever runs it closes `app.state.store` at the end.

    Raises:
        DataError: The folder holds no site with a form, or the database lies in it or cannot be opened.
    """
    batch = _site_batch(settings)
    pages = SitePages(settings)
    refuse_in_site(settings.database, site=settings.site)
    store = Store(settings.database, seconds=settings.database_seconds / 2)
    desk = Desk(store, seconds=settings.database_seconds)

    app = FastAPI(
        title="barlow-report collector",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        redirect_slashes=False,
    )
    app.add_middleware(Guard, settings=settings, identify=desk.annotator)
    app.state.store = store
    _add_errors(app)
    _add_submissions(app, desk, batch)
    _add_participants(app, desk, batch, settings)
    _add_site(app, pages)
    return app


def _site_batch(settings: CollectorSettings) -> Batch:
    path = settings.site / "annotate" / "batch.json"
    if not path.is_file():
        raise DataError(
            f"{settings.site}: no form found (annotate/batch.json). Choose features with barlow-report annotations "
            "template and build the site again."
        )
    return load_batch(path.read_text(encoding="utf-8"), where=str(path))


def _refusal(status: int, reason: str, *, reasons: list[str] | None = None) -> Response:
    return Response(problem(reason, reasons=reasons), status_code=status, media_type="application/json")


def _add_errors(app: FastAPI) -> None:
    async def refused(_: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 400
        headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
        reason = str(error.detail) if isinstance(error, HTTPException) else "bad request"
        response = _refusal(status, reason)
        response.headers.update(headers)
        return response

    app.add_exception_handler(HTTPException, refused)


def _answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route may answer with, for its documentation."""
    content = {"application/json": {"schema": {"type": "object"}}}
    return {status: {"description": "see `error` and `reasons`", "content": content} for status in statuses}


def _body(model: type[BaseModel]) -> dict[str, Any]:
    """Document the body of a route that reads it itself."""
    schema = model.model_json_schema()
    for name, part in schema.pop("$defs", {}).items():
        for key, value in schema["properties"].items():
            if value.get("$ref", "").endswith(f"/{name}"):
                schema["properties"][key] = part
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _known(request: Request) -> Annotator:
    """Return whose token a request carries, as the guard has found out."""
    found = request.scope.get("annotator")
    if isinstance(found, Annotator):
        return found
    has_token = bool(bearer(request.headers.get("authorization")))
    reason = "this token is not valid" if has_token else "expected Bearer and your token"
    raise HTTPException(401, f"Authorization: {reason}", {"WWW-Authenticate": "Bearer"})


def _add_submissions(app: FastAPI, desk: Desk, batch: Batch) -> None:
    items = {(item.group_id, item.feature_id) for item in batch.items}

    @app.get("/api/health", responses=_answers(429))
    async def health() -> Response:
        """Say at once whether the database can be used, and how many records it holds."""
        try:
            n, reason = await desk.n_records(), desk.problem
        except UnavailableError as error:
            n, reason = None, error.reason
        found = {"status": "degraded" if reason else "ok", "records": n, **({"reason": reason} if reason else {})}
        headers = {"Cache-Control": "no-store"}
        return Response(json.dumps(found), media_type="application/json", headers=headers)

    @app.get("/api/session", responses=_answers(401, 429, 503))
    async def session(request: Request, authorization: Authorization = None) -> Response:  # noqa: ARG001
        """Say who a token belongs to, which part is theirs, and what they have submitted."""
        who = _known(request)
        bodies = await desk.records_of(who.name)
        found = {"annotator": who.name, "part": who.part, "records": [json.loads(body) for body in bodies]}
        headers = {"Cache-Control": "no-store"}
        return Response(json.dumps(found), media_type="application/json", headers=headers)

    @app.post(
        "/api/annotations",
        status_code=201,
        responses=_answers(200, 400, 401, 403, 408, 409, 413, 415, 422, 429, 503, 507),
        openapi_extra=_body(Answer),
    )
    async def submit(request: Request, authorization: Authorization = None) -> Response:  # noqa: ARG001
        """Store one record; sending it again changes nothing."""
        who = _known(request)
        try:
            answer = parse_answer(await request.body())
        except AnswerError as error:
            return _refusal(422, "the record is not valid", reasons=str(error).split("; "))
        if answer.annotator != who.name:
            return _refusal(403, "annotator: the token belongs to somebody else")
        if (answer.report_id, answer.feature_model) != (batch.report_id, batch.feature_model):
            return _refusal(422, "report_id: the record is about another report; reload the page")
        if (answer.group_id, answer.feature_id) not in items:
            return _refusal(422, "feature_id: this feature is not asked about in this group")
        try:
            outcome = await desk.add(answer)
        except ConflictError as error:
            return _refusal(409, str(error))
        done = {"outcome": outcome, "record_id": answer.record_id, "revision": answer.revision}
        status = 201 if outcome == "stored" else 200
        return Response(json.dumps(done), status_code=status, media_type="application/json")


def _add_participants(app: FastAPI, desk: Desk, batch: Batch, settings: CollectorSettings) -> None:
    n_parts = len(batch.parts)

    @app.post(
        "/api/enrol",
        status_code=201,
        responses=_answers(400, 403, 404, 408, 413, 415, 422, 429, 503, 507),
        openapi_extra=_body(Participant),
    )
    async def enrol(request: Request) -> Response:
        """Give a Prolific participant a pseudonym, a token and a part; their id is not kept."""
        if settings.prolific is None:
            return _refusal(404, "this collector takes no participants of Prolific")
        try:
            participant = Participant.model_validate_json(await request.body())
        except ValidationError as error:
            reasons = [f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors(include_url=False)]
            return _refusal(422, "the participant is not valid", reasons=reasons)
        if participant.study_id != settings.prolific[0]:
            return _refusal(403, "study_id: this collector is for another study")
        who, token = await desk.enrol("prolific", participant.prolific_pid, n_parts=n_parts)
        found = {"annotator": who.name, "token": token, "part": who.part}
        headers = {"Cache-Control": "no-store"}
        return Response(json.dumps(found), status_code=201, media_type="application/json", headers=headers)

    @app.post(
        "/api/complete",
        responses=_answers(400, 401, 403, 408, 409, 413, 415, 429, 503),
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": {}}}}},
    )
    async def complete(request: Request, authorization: Authorization = None) -> Response:  # noqa: ARG001
        """Give the completion link once every item of the annotator's part is stored."""
        who = _known(request)
        stored = await desk.items_of(who.name)
        part = batch.items if who.part is None or who.part >= n_parts else batch.parts[who.part]
        n_missing = sum((item.group_id, item.feature_id) not in stored for item in part)
        if n_missing:
            return _refusal(409, f"{n_missing} of {len(part)} features have no stored answer yet")
        link = settings.prolific[1] if settings.prolific and who.platform == "prolific" else ""
        headers = {"Cache-Control": "no-store"}
        return Response(json.dumps({"completion": link}), media_type="application/json", headers=headers)


def _add_site(app: FastAPI, pages: SitePages) -> None:
    @app.api_route("/{path:path}", methods=["GET", "HEAD"], include_in_schema=False)
    async def file(path: str) -> Response:
        if path.startswith("api/"):
            raise HTTPException(404, "there is no such route")
        return await run_in_threadpool(pages.respond, path)

    LOG.debug("site", extra={"folder": str(pages.folder)})
