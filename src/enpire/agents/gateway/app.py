"""The addresses of the gateway: all of a session's are below `/<token>/`."""

import logging

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from enpire.agents.gateway.bodies import TOOL_BYTES, BadBody, json_object, read_body
from enpire.agents.gateway.forward import Forward
from enpire.agents.gateway.mcp import handle, unknown_tool
from enpire.agents.gateway.questions import Questions, TooMany, shown
from enpire.agents.gateway.sessions import Session, Sessions

log = logging.getLogger(__name__)


class Gate:
    """The ASGI application.

    Args:
        sessions: Who is let in.
        forward: The way to the providers.
        questions: The way to the research tools.
        script: Scripted model at `/script`; None without one.
    """

    def __init__(
        self, sessions: Sessions, forward: Forward, questions: Questions, script: ASGIApp | None = None
    ) -> None:
        self._sessions, self._forward, self._questions, self._script = sessions, forward, questions, script

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. An error of ours costs one answer, never the process."""
        if scope["type"] != "http":
            return
        token, _, path = scope["path"].removeprefix("/").partition("/")
        if self._script is not None and token == "script":
            root = scope.get("root_path", "") + "/script"
            await self._script({**scope, "root_path": root, "app_root_path": root}, receive, send)
            return
        session = self._sessions.find(token)
        if session is None:
            await JSONResponse({"error": {"message": "no such address"}}, 404)(scope, receive, send)
            return
        started = False

        async def watched_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        request = Request(scope, receive)
        try:
            await self._answer(request, session, path, watched_send)
        except BadBody as bad:
            refusal: tuple[int, str] = (bad.status, str(bad))
        except Exception as error:
            log.error("a request failed: %s", type(error).__name__)
            refusal = (500, f"the gateway failed: {type(error).__name__}")
        else:
            return
        if not started:
            await self._refuse(session, *refusal)(scope, receive, send)

    async def _answer(self, request: Request, session: Session, path: str, send: Send) -> None:
        method, dialect = request.method, session.dialect
        response: Response
        if not path and method in ("GET", "HEAD"):
            response = Response(status_code=200)
        elif path == "mcp":
            response = await self._mcp(request, session)
        elif path.startswith("tools/") and method == "POST":
            response = await self._tool(request, session, path.removeprefix("tools/"))
        else:
            known = path.removeprefix("v1/") if path.startswith("v1/") else ""
            is_call = method == "POST" and known == dialect.ROUTE
            if not is_call and not (known in dialect.FREE and method == ("GET" if known == "models" else "POST")):
                response = self._refuse(session, 404, "no such address, or not one of this agent's dialect")
            elif not session.shows_key(dict(request.headers)):
                response = self._refuse(session, 401, "the key is not the one of this session")
            elif is_call:
                await self._forward.call(request, session, known, send)
                return
            else:
                await self._forward.pass_on(request, session, known, send)
                return
        await response(request.scope, request.receive, send)

    @staticmethod
    def _refuse(session: Session, status: int, text: str) -> Response:
        return JSONResponse(session.dialect.refusal(status, text), status)

    async def _mcp(self, request: Request, session: Session) -> Response:
        if request.method != "POST":
            return Response(status_code=405, headers={"allow": "POST"})
        status, answer = await handle(await read_body(request, TOOL_BYTES), session, self._questions)
        return Response(status_code=status) if answer is None else JSONResponse(answer, status)

    async def _tool(self, request: Request, session: Session, name: str) -> Response:
        try:
            arguments = json_object(await read_body(request, TOOL_BYTES) or b"{}")
            if name not in self._questions.tools:
                raise BadBody(404, unknown_tool(name, self._questions))
            answer = shown(await self._questions.ask(session.opened.session, name, arguments), session.opened.vision)
        except BadBody as bad:
            return JSONResponse({"text": str(bad), "refused": True, "images": []}, bad.status)
        except TooMany as refused:
            return JSONResponse({"text": str(refused), "refused": True, "images": []}, 429)
        return JSONResponse({"text": answer.text, "refused": answer.refused, "images": list(answer.images)})
