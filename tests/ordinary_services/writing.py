"""A forum whose threads users name, and a shelf of models that is only asked."""

from __future__ import annotations

import re
from itertools import count
from typing import Any

from grpcmock.status import Code
from ordinary_services.handling import made, need


class Forum:
    def __init__(self) -> None:
        self.threads: dict[str, Any] = {}
        self.posts: dict[str, Any] = {}
        self.ids = count(1)

    def create_thread(self, request: Any) -> Any:
        need(re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", request.slug), f'"{request.slug}" is not a valid slug')
        need(3 <= len(request.title.strip()) <= 120, "title must have 3 to 120 printable characters")
        need(all(re.fullmatch("[a-z]{2,20}", tag) for tag in request.tags), "invalid request")
        need(re.fullmatch("#[0-9a-f]{6}", request.color), "color must look like #a0b1c2")
        need(request.slug not in self.threads, "the slug is taken", Code.ALREADY_EXISTS)
        self.threads[request.slug] = made("Thread", slug=request.slug, title=request.title, tags=request.tags)
        return made("CreateThreadResponse", thread=self.threads[request.slug])

    def get_thread(self, request: Any) -> Any:
        need(request.slug, "invalid request")
        need(request.slug in self.threads, "no such thread", Code.NOT_FOUND)
        return self.threads[request.slug]

    def list_posts(self, request: Any) -> Any:
        need(request.thread_slug in self.threads, "no such thread", Code.NOT_FOUND)
        return made("ListPostsResponse", posts=list(self.posts.values()))

    def post_message(self, request: Any) -> Any:
        need(request.thread_slug in self.threads, "no such thread", Code.NOT_FOUND)
        need(re.fullmatch("[A-Za-z0-9_]{2,30}", request.author), "author: 2 to 30 letters")
        need(request.text.strip(), "text is required")
        need(re.fullmatch("[A-Z]{2}-[0-9]{4}", request.plate), "plate must be two capitals, a dash and four digits")
        key = f"p_{next(self.ids):05x}"
        self.posts[key] = made("Post", id=key, thread_slug=request.thread_slug, text=request.text)
        return self.posts[key]

    def _post(self, key: str) -> Any:
        need(re.fullmatch("p_[0-9a-f]{5,}", key), "malformed id")
        need(key in self.posts, "no such post", Code.NOT_FOUND)
        return self.posts[key]

    def edit_post(self, request: Any) -> Any:
        post = self._post(request.id)
        need(request.text.strip(), "text is required")
        return post

    def remove_post(self, request: Any) -> Any:
        del self.posts[self._post(request.id).id]
        return made("RemovePostResponse")

    def delete_thread(self, request: Any) -> Any:
        del self.threads[self.get_thread(request).slug]
        return made("RemovePostResponse")


class Shelf:
    """Models that nobody makes by a call: an index tells of them, and what one of them isn't there for is no status."""

    def __init__(self) -> None:
        self.models = {"iris": "ready", "mnist": "ready"}

    def _model(self, request: Any) -> str:
        text = f"Unexpected <class 'shelf.NotFound'>: Model {request.name} with version {request.version} not found"
        need(request.name in self.models and not request.version, text, Code.UNKNOWN)
        return str(request.name)

    def model_ready(self, request: Any) -> Any:
        return made("ModelState", ready=self.model_describe(request).state == "ready")

    def model_describe(self, request: Any) -> Any:
        state = self.models[self._model(request)]
        need(state == "ready", "this model isn't ready", Code.UNKNOWN)
        return made("ModelEntry", name=request.name, state=state)

    def model_unload(self, request: Any) -> Any:
        self.models[self._model(request)] = "unloaded"
        return made("ModelState")

    def shelf_index(self, request: Any) -> Any:
        models = [made("ModelEntry", name=name, state=state) for name, state in self.models.items()]
        return made("ShelfIndexResponse", models=models)
