"""Uploads in parts, which go on after a lost connection."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from starlette.concurrency import run_in_threadpool

from workers.api.http import partwise, sniff
from workers.api.http.access import JobsWriter, Principal
from workers.api.http.bodies import blocks, document, parsed
from workers.api.http.described import PART, body_of, documented
from workers.api.http.incoming import too_large
from workers.api.http.partwise import Direct
from workers.api.http.problems import Problem
from workers.api.http.routes.jobs import ID_PATTERN
from workers.api.http.schemas import LARGEST_PARTS, JobBody, PartBody, UploadBegun, UploadBody
from workers.api.http.services import Provided, Services
from workers.api.http.submission import check_webhook
from workers.api.store import uploads
from workers.api.store.ids import new_id
from workers.api.store.models import Job, Upload
from workers.api.store.uploads import NewUpload
from workers.common.messages import now

router = APIRouter(prefix="/api/uploads", tags=["uploads"])

UploadId = Annotated[str, Path(pattern=ID_PATTERN, description="Of an upload; its job will have the same id")]
PartNumber = Annotated[int, Path(ge=1, le=LARGEST_PARTS, description="Counts from 1")]
_CHANGED = documented(401, 403, 404, 409, 422, 429, 503)


@router.post(
    "",
    status_code=201,
    response_model=UploadBody,
    responses=documented(401, 403, 413, 415, 422, 429, 503),
    openapi_extra=body_of(UploadBegun),
)
async def begin_upload(request: Request, response: Response, services: Provided, who: JobsWriter) -> Any:
    """Announce a file; the answer tells how to cut it."""
    wishes = parsed(UploadBegun, await document(request, services.limits.wish_bytes))
    begun = await run_in_threadpool(_begin, services, who, wishes)
    request.state.job_id = begun.id
    response.headers["Location"] = f"/api/uploads/{begun.id}"
    return begun


@router.get("/{upload_id}", response_model=UploadBody, responses=documented(401, 403, 404, 422, 429, 503))
def read_upload(services: Provided, who: JobsWriter, upload_id: UploadId) -> Any:
    """Tell which parts have arrived."""
    return _state(services, _open(services, who, upload_id))


@router.put(
    "/{upload_id}/parts/{number}",
    response_model=PartBody,
    responses=documented(401, 403, 404, 409, 415, 422, 429, 503),
    openapi_extra=PART,
)
async def write_part(
    request: Request, services: Provided, who: JobsWriter, upload_id: UploadId, number: PartNumber
) -> Any:
    """Send a part; one that broke off is sent again as a whole."""
    upload = await run_in_threadpool(_open, services, who, upload_id)
    if upload.s3_upload_id is not None:
        raise Problem(409, "direct_upload", "this upload's parts go to S3", "PUT them to the URLs that it lists")
    with partwise.writing(services.files.job(upload.id), upload, number) as writer:
        async for block in blocks(request):
            await run_in_threadpool(writer.take, block)
        digest = await run_in_threadpool(writer.finish)
    await run_in_threadpool(_arrived, services, who, upload.id, number, writer.expected, digest)
    return PartBody(number=number, size=writer.expected, sha256=digest)


@router.post(
    "/{upload_id}/complete",
    status_code=201,
    response_model=JobBody,
    responses=documented(401, 403, 404, 409, 415, 422, 429, 503),
)
def complete_upload(response: Response, services: Provided, who: JobsWriter, upload_id: UploadId) -> Any:
    """Make the parts a job; done twice, it is the same job."""
    job = _complete(services, who, upload_id)
    response.headers["Location"] = f"/api/jobs/{job.id}"
    return JobBody.of(job)


@router.delete("/{upload_id}", status_code=204, response_class=Response, responses={204: {}, **_CHANGED})
def abort_upload(services: Provided, who: JobsWriter, upload_id: UploadId) -> None:
    """Forget an upload, and what has arrived of it."""
    with services.database.write() as session:
        upload = uploads.find(session, who.tenant, upload_id, lock=True)
        if upload.completed_at:
            raise Problem(409, "completed", "the upload has become a job", "delete the job")
        if upload.s3_upload_id is None:
            partwise.remove(services.files.job(upload.id))
        else:
            _direct(services).abort(upload)
        uploads.forget(session, upload.id)


def _begin(services: Services, who: Principal, wishes: UploadBegun) -> UploadBody:
    if wishes.size > services.limits.upload_bytes:
        raise too_large(services.limits.upload_bytes)
    source = f"source.{sniff.extension(wishes.name)}"
    check_webhook(services.references.guard, wishes)
    upload_id = new_id()
    new = NewUpload(
        id=upload_id,
        tenant=who.tenant,
        name=wishes.name,
        size=wishes.size,
        part_size=max(services.limits.part_bytes, -(-wishes.size // LARGEST_PARTS)),
        source=source,
        s3_upload_id=_direct(services).begin(upload_id, source) if wishes.direct else None,
        params=wishes.model_dump(include={"language", "webhook_url"}, exclude_none=True),
    )
    with services.database.write() as session:
        upload = uploads.create(session, new, at=now())
    return _state(services, upload)


def _open(services: Services, who: Principal, upload_id: str) -> Upload:
    with services.database.read() as session:
        return uploads.find(session, who.tenant, upload_id)


def _state(services: Services, upload: Upload) -> UploadBody:
    urls: dict[int, str] = {}
    if upload.completed_at:
        # Whoever has missed the answer to its completion completes it once more, and need not send anything again.
        received = list(range(1, partwise.count(upload) + 1))
    elif upload.s3_upload_id is None:
        with services.database.read() as session:
            received = [part.number for part in uploads.parts(session, upload.id)]
    else:
        direct = _direct(services)
        received = sorted(direct.received(upload))
        urls = direct.urls(upload, frozenset(received))
    return UploadBody(
        id=upload.id,
        name=upload.name,
        size=upload.size,
        part_size=upload.part_size,
        parts=partwise.count(upload),
        received=received,
        urls={str(number): url for number, url in urls.items()},
    )


def _arrived(services: Services, who: Principal, upload_id: str, number: int, size: int, digest: str) -> None:
    with services.database.write() as session:
        uploads.arrived(session, uploads.find(session, who.tenant, upload_id, lock=True), number, size, digest)


def _complete(services: Services, who: Principal, upload_id: str) -> Job:
    with services.database.write() as session:
        upload = uploads.find(session, who.tenant, upload_id, lock=True)
        if upload.completed_at:
            return uploads.complete(session, upload, at=now())
        if upload.s3_upload_id is not None:
            direct = _direct(services)
            arrived = direct.received(upload)
            _check_whole(upload, {number: part["Size"] for number, part in arrived.items()})
            return uploads.complete(session, upload, reference={"s3": direct.complete(upload, arrived)}, at=now())
        _check_whole(upload, {part.number: part.size for part in uploads.parts(session, upload.id)})
        partwise.assemble(services.files.job(upload.id), upload)
        return uploads.complete(session, upload, at=now())


def _check_whole(upload: Upload, sizes: dict[int, int]) -> None:
    missing = [
        number
        for number in range(1, partwise.count(upload) + 1)
        if sizes.get(number) != partwise.size_of(upload, number)
    ]
    if missing:
        raise Problem(
            409,
            "parts_missing",
            f"{len(missing)} of {partwise.count(upload)} parts have not arrived, part {missing[0]} is the first",
            "send them, then complete the upload",
        )


def _direct(services: Services) -> Direct:
    if services.objects is None:
        raise Problem(422, "no_bucket", "there is no bucket to send parts to", "send them to this API: direct=false")
    return Direct(services.objects)
