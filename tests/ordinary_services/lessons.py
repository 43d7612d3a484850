"""A school, where things belong together: terms that don't overlap, teachers whose licenses end, pupils of lessons."""

from __future__ import annotations

from itertools import count
from typing import Any

from grpcmock.status import Code
from ordinary_services.handling import date, made, need

TODAY = "2025-06-01"


class Lessons:
    """What one request names has to fit in several ways at once."""

    def __init__(self) -> None:
        self.terms: dict[str, Any] = {}
        self.teachers: dict[str, Any] = {}
        self.lessons: dict[str, Any] = {}
        self.pupils: dict[str, Any] = {}
        self.joined: set[tuple[str, str]] = set()
        self.ids = count(1)

    def open_term(self, request: Any) -> Any:
        need(request.title.strip(), "title must not be blank")
        need(date(request.first_day, "first_day") < date(request.last_day, "last_day"), "last_day must be later")
        taken = any(term.title == request.title for term in self.terms.values())
        need(not taken, "there is a term of this title", Code.ALREADY_EXISTS)
        for term in self.terms.values():
            apart = term.last_day < request.first_day or request.last_day < term.first_day
            need(apart, "there is a term at this time", Code.FAILED_PRECONDITION)
        fields = {name: getattr(request, name) for name in ("title", "first_day", "last_day")}
        return self._kept(self.terms, made("Term", id=f"term-{next(self.ids)}", **fields))

    def add_teacher(self, request: Any) -> Any:
        need(request.name.strip(), "name must not be blank")
        date(request.licensed_until, "licensed_until")
        fields = {"name": request.name, "licensed_until": request.licensed_until}
        return self._kept(self.teachers, made("Teacher", id=f"teacher-{next(self.ids)}", **fields))

    def offer_lesson(self, request: Any) -> Any:
        need(request.term_id and request.teacher_id, "term_id and teacher_id are required")
        need(request.term_id in self.terms, "no such term", Code.NOT_FOUND)
        need(request.teacher_id in self.teachers, "no such teacher", Code.NOT_FOUND)
        is_licensed = self.teachers[request.teacher_id].licensed_until >= TODAY
        need(is_licensed, "the teacher's license has expired", Code.FAILED_PRECONDITION)
        fields = {"term_id": request.term_id, "teacher_id": request.teacher_id}
        return self._kept(self.lessons, made("Lesson", id=f"lesson-{next(self.ids)}", **fields))

    def add_pupil(self, request: Any) -> Any:
        need(request.name.strip(), "name must not be blank")
        return self._kept(self.pupils, made("Pupil", id=f"pupil-{next(self.ids)}", name=request.name))

    def join(self, request: Any) -> Any:
        self._found(request)
        both = request.lesson_id, request.pupil_id
        need(both not in self.joined, "the pupil has joined the lesson", Code.ALREADY_EXISTS)
        self.joined.add(both)
        return made("Seat", id=f"seat-{next(self.ids)}", lesson_id=request.lesson_id, pupil_id=request.pupil_id)

    def mark(self, request: Any) -> Any:
        date(request.day, "day")
        self._found(request)
        term = self.terms[self.lessons[request.lesson_id].term_id]
        is_within = term.first_day <= request.day <= term.last_day
        need(is_within, "the day isn't within the term", Code.OUT_OF_RANGE)
        both = request.lesson_id, request.pupil_id
        need(both in self.joined, "the pupil hasn't joined the lesson", Code.FAILED_PRECONDITION)
        return made("MarkSheet", days=1)

    def _found(self, request: Any) -> None:
        need(request.lesson_id in self.lessons, "no such lesson", Code.NOT_FOUND)
        need(request.pupil_id in self.pupils, "no such pupil", Code.NOT_FOUND)

    def _kept(self, table: dict[str, Any], thing: Any) -> Any:
        table[thing.id] = thing
        return thing
