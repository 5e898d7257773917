"""Access: what a user may open, now or at a past moment, and grants by hand."""

from __future__ import annotations

from litestar import Controller, delete, get, post

from billing_bootstrap import presenting, shapes
from billing_core.domain.resources import Resource, ResourceType
from billing_http import examples
from billing_http.answering import Answer, answer
from billing_http.operations import Operation, caller_of, described
from billing_http.parameters import App, OurId, ResourceId, ResourceTypeName, UserId
from billing_http.problems import Code, invalid
from billing_http.reading import CHECK_BODY_BYTES, AnyRequest, read_body, read_query, utc
from billing_http.requests import AccessQuery, CheckRequest, GrantRequest

__all__ = ["Access"]


class Access(Controller):
    """``/api/access``."""

    path = "/access"

    @get(
        "/{user_id:str}",
        opt=described(
            Operation(
                id="list_grants",
                summary="The grants in force",
                description="As they were given: a learning path is one grant, what is in it is not listed.",
                answer=shapes.GrantsShape,
                example={"user_id": examples.USER, "version": 7, "grants": [examples.GRANT]},
                errors=(Code.FORBIDDEN,),
            )
        ),
    )
    async def grants(self, request: AnyRequest, application: App, user_id: UserId) -> Answer:
        """What opens something to a user now."""
        return answer(presenting.grants(await application.decide_access.grants(caller_of(request), user_id)))

    @get(
        "/{user_id:str}/{resource_type:str}/{resource_id:str}",
        opt=described(
            Operation(
                id="decide_access",
                summary="May this user open this?",
                description="With `at`: what was true then by all that is known now; with `known_at` too: by what was"
                " known then. `known_at` alone means now.",
                query=AccessQuery,
                answer=shapes.DecisionShape,
                example=examples.DECISION,
                errors=(Code.FORBIDDEN,),
            )
        ),
    )
    async def decision(
        self,
        request: AnyRequest,
        application: App,
        user_id: UserId,
        resource_type: ResourceTypeName,
        resource_id: ResourceId,
    ) -> Answer:
        """The decision, and the source that makes it."""
        query = read_query(request, AccessQuery)
        caller, resource = caller_of(request), Resource(_type(resource_type), resource_id)
        at, known_at = utc("at", query.at), utc("known_at", query.known_at)
        if at is None and known_at is None:
            (decided,) = await application.decide_access(caller, user_id, [resource])
        else:
            at = at or application.clock.now()
            decided = await application.recall_access(caller, user_id, resource, at=at, known_at=known_at)
        return answer(presenting.decision(decided))

    @post(
        "/{user_id:str}/check",
        status_code=200,
        request_max_body_size=CHECK_BODY_BYTES,
        opt=described(
            Operation(
                id="check_access",
                summary="Many decisions at once",
                body=CheckRequest,
                body_example={"resources": [examples.COURSE]},
                answer=shapes.DecisionsShape,
                example={"decisions": [examples.DECISION]},
                errors=(Code.FORBIDDEN,),
            )
        ),
    )
    async def check(self, request: AnyRequest, application: App, user_id: UserId) -> Answer:
        """A decision for each resource, in the same order."""
        given = await read_body(request, CheckRequest)
        resources = [Resource(one.resource_type, one.resource_id) for one in given.resources]
        decisions = await application.decide_access(caller_of(request), user_id, resources)
        return answer(shapes.DecisionsShape(tuple(map(presenting.decision, decisions))))

    @post(
        "/{user_id:str}/grants",
        opt=described(
            Operation(
                id="grant_by_hand",
                summary="Open something by hand",
                description="For support staff.",
                body=GrantRequest,
                body_example={**examples.COURSE, "reason": "Won it in the spring quiz"},
                status=201,
                answer=shapes.GrantShape,
                example={**examples.GRANT, "source": {"kind": "manual", "id": examples.OTHER_ID}},
                errors=(Code.FORBIDDEN,),
            )
        ),
    )
    async def grant(self, request: AnyRequest, application: App, user_id: UserId) -> Answer:
        """Grant by hand."""
        given = await read_body(request, GrantRequest)
        granted = await application.grant_by_hand(
            caller_of(request),
            user_id,
            Resource(given.resource_type, given.resource_id),
            reason=given.reason,
            expires_at=utc("expires_at", given.expires_at),
        )
        return answer(presenting.grant(granted), 201)

    @delete(
        "/{user_id:str}/grants/{id:str}",
        status_code=204,
        opt=described(
            Operation(
                id="revoke_grant",
                summary="Take a grant by hand back",
                description="For support staff.",
                status=204,
                errors=(Code.FORBIDDEN, Code.NOT_FOUND),
            )
        ),
    )
    async def revoke(
        self,
        request: AnyRequest,
        application: App,
        user_id: UserId,
        our_id: OurId,
    ) -> None:
        """Revoke a grant by hand; one that is revoked already stays so."""
        await application.revoke_grant(caller_of(request), user_id, our_id)


def _type(value: str) -> ResourceType:
    if value not in set(ResourceType):
        raise invalid("resource_type", f"It is one of {', '.join(ResourceType)}.")
    return ResourceType(value)
