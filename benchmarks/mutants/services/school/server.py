"""An evening school on grpcio's threads: courses with waiting lists, grades, attendance, transcripts."""

from __future__ import annotations

import base64
import datetime as dt
import functools
import hashlib
import threading
import uuid
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import grpc
import protovalidate
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from benchmarks.mutants.services.environment import Environment
from benchmarks.mutants.services.messages import Messages

SERVICES = ("school.v1.SchoolService",)
pb = Messages("school", "school.v1")
validator = protovalidate.Validator()

OPEN, OVER = pb.COURSE_STATE_OPEN, pb.COURSE_STATE_COMPLETED
ENROLLED, WAITING = pb.ENROLLMENT_STATE_ENROLLED, pb.ENROLLMENT_STATE_WAITING
WITHDRAWN, COMPLETED = pb.ENROLLMENT_STATE_WITHDRAWN, pb.ENROLLMENT_STATE_COMPLETED
TERM_DAYS = 200
TERM_CREDITS = 30
MAX_GRADES = 40
MAX_WEIGHT = 10
MAX_CAPACITY = 300
DEFAULT_PAGE, LARGEST_PAGE = 20, 100
PASS_GRADE, PASS_ATTENDANCE = 50, 75
ORDERS: dict[str, Callable[[Any], Any]] = {
    "code": lambda course: course.code,
    "title": lambda course: course.title.casefold(),
    "credits": lambda course: course.credits,
}


class Refused(Exception):
    """Why a request isn't carried out, and which fields are to blame."""

    def __init__(self, code: grpc.StatusCode, message: str, *fields: tuple[str, str]) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.fields = fields


def invalid(field: str, why: str) -> Refused:
    return Refused(grpc.StatusCode.INVALID_ARGUMENT, f"{field} {why}", (field, why))


def conflict(why: str) -> Refused:
    return Refused(grpc.StatusCode.FAILED_PRECONDITION, why)


def exists(why: str) -> Refused:
    return Refused(grpc.StatusCode.ALREADY_EXISTS, why)


def refuse(context: Any, refused: Refused) -> NoReturn:
    status = status_pb2.Status(code=refused.code.value[0], message=refused.message)
    if refused.fields:
        bad = error_details_pb2.BadRequest()
        for field, why in refused.fields:
            bad.field_violations.add(field=field, description=why)
        status.details.add().Pack(bad)
    context.abort_with_status(rpc_status.to_status(status))
    raise AssertionError


def path_of(violation: Any) -> str:
    """The field that breaks a rule, as ``entries[1].mark``; empty for a rule across fields."""
    elements = violation.field.elements if violation.field is not None else ()
    return ".".join(f"{one.field_name}[{one.subscript.value}]" if one.subscript else one.field_name for one in elements)


def check_rules(request: Any) -> None:
    found = validator.collect_violations(request, fail_fast=True)
    fields = [(path_of(one.proto), one.proto.message) for one in found]
    if fields:
        message = " ".join(fields[0]).strip()
        raise Refused(grpc.StatusCode.INVALID_ARGUMENT, message, *(one for one in fields if one[0]))


def handled(handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any, Any], Any]:
    """Check a request by the rules of the protos, and carry it out alone."""

    @functools.wraps(handler)
    def handle(server: Any, request: Any, context: Any) -> Any:
        try:
            check_rules(request)
            with server.lock:
                return handler(server, request)
        except Refused as refused:
            refuse(context, refused)

    return handle


def day_of(field: str, text: str) -> dt.date:
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise invalid(field, "is not a day of the calendar") from None
    if day.isoformat() != text:
        raise invalid(field, "must be written YYYY-MM-DD")
    return day


def check_text(field: str, text: str, most: int) -> None:
    if not text.strip():
        raise invalid(field, "must not be blank")
    if len(text) > most:
        raise invalid(field, f"must have at most {most} characters")


def check_room(room: str) -> None:
    if len(room) > 20:
        raise invalid("room", "must have at most 20 characters")


def ordering(text: str) -> list[tuple[Callable[[Any], Any], bool]]:
    """The keys that courses are sorted by, and whether the greatest comes first."""
    keys = []
    for part in text.split(",") if text.strip() else ():
        name, _, direction = part.strip().partition(" ")
        if name not in ORDERS or direction.strip() not in ("", "desc"):
            raise invalid("order_by", "must name code, title or credits, each with or without desc")
        keys.append((ORDERS[name], direction.strip() == "desc"))
    return keys


def page(items: list[Any], request: Any) -> tuple[list[Any], str]:
    """The items of a page, and the token of the next one."""
    asked = type(request)()
    asked.CopyFrom(request)
    asked.DiscardUnknownFields()
    asked.ClearField("page_size")
    asked.ClearField("page_token")
    key = hashlib.sha256(asked.SerializeToString(deterministic=True)).hexdigest()[:16]
    start = 0
    if request.page_token:
        try:
            given, _, number = base64.b64decode(request.page_token, validate=True).decode().partition(":")
            start = int(number)
        except ValueError:
            raise invalid("page_token", "is not a token of this server") from None
        if given != key or start < 1:
            raise invalid("page_token", "belongs to another request")
    end = start + min(request.page_size or DEFAULT_PAGE, LARGEST_PAGE)
    token = base64.b64encode(f"{key}:{end}".encode()).decode() if end < len(items) else ""
    return items[start:end], token


def average_of(grades: Iterable[Any]) -> float:
    total = sum(grade.weight for grade in grades)
    return round(sum(grade.score * grade.weight for grade in grades) / total, 2)


def copied(message: Any) -> Any:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


class Server:
    """Terms, courses, students and enrollments in memory, behind one lock."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.lock = threading.Lock()
        self.terms: dict[str, Any] = {}
        self.courses: dict[str, Any] = {}
        self.students: dict[str, Any] = {}
        self.enrollments: dict[str, Any] = {}
        self.marks: dict[str, dict[str, int]] = {}

    def _id(self) -> str:
        return str(uuid.UUID(hex=self.environment.token() + self.environment.token(), version=4))

    def _now(self, target: Any) -> None:
        target.FromMilliseconds(int(self.environment.now() * 1000))

    def _found(self, things: dict[str, Any], key: str, kind: str) -> Any:
        if key.lower() not in things:
            raise Refused(grpc.StatusCode.NOT_FOUND, f"there is no such {kind}")
        return things[key.lower()]

    def _course(self, course_id: str) -> Any:
        return self._found(self.courses, course_id, "course")

    def _student(self, student_id: str) -> Any:
        return self._found(self.students, student_id, "student")

    def _enrollment(self, enrollment_id: str) -> Any:
        return self._found(self.enrollments, enrollment_id, "enrollment")

    def _of(self, course: Any, *states: int) -> list[Any]:
        """The enrollments of a course in these states, as they were made."""
        of_course = (one for one in self.enrollments.values() if one.course_id == course.course_id)
        return [one for one in of_course if one.state in states]

    def _free(self, course: Any) -> int:
        return int(course.capacity) - len(self._of(course, ENROLLED, COMPLETED))

    def _shown(self, course: Any) -> Any:
        shown = copied(course)
        shown.enrolled_count = len(self._of(course, ENROLLED, COMPLETED))
        shown.waiting_count = len(self._of(course, WAITING))
        return shown

    def _shown_enrollment(self, enrollment: Any) -> Any:
        shown = copied(enrollment)
        if enrollment.state == WAITING:
            waiting = self._of(self.courses[enrollment.course_id], WAITING)
            shown.waiting_position = [one.enrollment_id for one in waiting].index(enrollment.enrollment_id) + 1
        if enrollment.grades:
            shown.average = average_of(enrollment.grades)
        marks = [one for one in self.marks[enrollment.enrollment_id].values() if one != pb.MARK_EXCUSED]
        if marks:
            came = sum(one in (pb.MARK_PRESENT, pb.MARK_LATE) for one in marks)
            shown.attendance_rate = round(100 * came / len(marks), 1)
        return shown

    @handled
    def CreateTerm(self, request: Any) -> Any:
        check_text("name", request.name, 60)
        first, last = day_of("first_day", request.first_day), day_of("last_day", request.last_day)
        if (last - first).days + 1 > TERM_DAYS:
            raise invalid("last_day", f"must be within {TERM_DAYS} days")
        if any(one.name.casefold() == request.name.casefold() for one in self.terms.values()):
            raise exists("there is a term with this name")
        for other in self.terms.values():
            if request.first_day <= other.last_day and other.first_day <= request.last_day:
                raise conflict("the days belong to another term")
        term = pb.Term(name=request.name, first_day=request.first_day, last_day=request.last_day)
        term.term_id = self._id()
        self.terms[term.term_id] = term
        return term

    @handled
    def CreateCourse(self, request: Any) -> Any:
        check_text("title", request.title, 120)
        if request.credits * 2 != int(request.credits * 2):
            raise invalid("credits", "must be in steps of one half")
        check_room(request.room)
        term = self._found(self.terms, request.term_id, "term")
        for code in request.prerequisites:
            if not any(one.code == code for one in self.courses.values()):
                raise Refused(grpc.StatusCode.NOT_FOUND, "there is no course with the code of a prerequisite")
        if any(one.term_id == term.term_id and one.code == request.code for one in self.courses.values()):
            raise exists("the term has a course with this code")
        course = pb.Course(course_id=self._id(), term_id=term.term_id, state=OPEN)
        for field in ("code", "title", "credits", "capacity", "room"):
            setattr(course, field, getattr(request, field))
        course.prerequisites.extend(request.prerequisites)
        self.courses[course.course_id] = course
        return self._shown(course)

    @handled
    def GetCourse(self, request: Any) -> Any:
        return self._shown(self._course(request.course_id))

    @handled
    def UpdateCourse(self, request: Any) -> Any:
        if request.HasField("title"):
            check_text("title", request.title, 120)
        if request.HasField("capacity") and not 1 <= request.capacity <= MAX_CAPACITY:
            raise invalid("capacity", f"must be from 1 to {MAX_CAPACITY}")
        check_room(request.room)
        course = self._course(request.course_id)
        if course.state != OPEN:
            raise conflict("the course is completed")
        if request.HasField("capacity") and request.capacity < len(self._of(course, ENROLLED)):
            raise conflict("more students are enrolled than that")
        before = course.capacity
        for field in ("title", "capacity", "room"):
            if request.HasField(field):
                setattr(course, field, getattr(request, field))
        self._move_up(course, course.capacity - before)
        return self._shown(course)

    @handled
    def ListCourses(self, request: Any) -> Any:
        keys = ordering(request.order_by)
        if request.term_id:
            self._found(self.terms, request.term_id, "term")
        text = request.text.casefold()
        courses = [one for one in self.courses.values() if text in one.code.casefold() or text in one.title.casefold()]
        if request.term_id:
            courses = [one for one in courses if one.term_id == request.term_id.lower()]
        if request.with_free_seats:
            courses = [one for one in courses if one.state == OPEN and self._free(one) > 0]
        if request.HasField("min_credits"):
            courses = [one for one in courses if one.credits >= request.min_credits]
        courses.sort(key=lambda one: (one.code, self.terms[one.term_id].first_day))
        for key, descending in reversed(keys):
            courses.sort(key=key, reverse=descending)
        shown, token = page(courses, request)
        return pb.ListCoursesResponse(courses=map(self._shown, shown), next_page_token=token, total_size=len(courses))

    @handled
    def AddStudent(self, request: Any) -> Any:
        check_text("name", request.name, 100)
        if any(one.email.casefold() == request.email.casefold() for one in self.students.values()):
            raise exists("there is a student with this email")
        student = pb.Student(student_id=self._id(), name=request.name, email=request.email)
        self._now(student.create_time)
        self.students[student.student_id] = student
        return student

    def _passed(self, student: Any) -> set[str]:
        """The codes of the courses that a student has passed."""
        mine = (one for one in self.enrollments.values() if one.student_id == student.student_id)
        return {self.courses[one.course_id].code for one in mine if one.passed}

    def _has_credits_left(self, student_id: str, course: Any) -> bool:
        mine = [one for one in self.enrollments.values() if one.student_id == student_id and one.state == ENROLLED]
        courses = [self.courses[one.course_id] for one in mine]
        taken = sum(one.credits for one in courses if one.term_id == course.term_id)
        return bool(taken + course.credits <= TERM_CREDITS)

    @handled
    def Enroll(self, request: Any) -> Any:
        student, course = self._student(request.student_id), self._course(request.course_id)
        if any(one.student_id == student.student_id for one in self._of(course, ENROLLED, WAITING)):
            raise exists("the student is enrolled in the course or waits for it")
        if course.state != OPEN:
            raise conflict("the course is completed")
        passed = self._passed(student)
        if course.code in passed:
            raise conflict(f"the student has passed {course.code} before")
        missing = [code for code in course.prerequisites if code not in passed]
        if missing:
            raise conflict(f"the student hasn't passed {', '.join(missing)}")
        if not self._has_credits_left(student.student_id, course):
            raise conflict(f"the student would have more than {TERM_CREDITS} credits in the term")
        full = self._free(course) < 1
        if full and not request.join_waiting_list:
            raise Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "all seats are taken")
        enrollment = pb.Enrollment(enrollment_id=self._id(), state=WAITING if full else ENROLLED)
        enrollment.course_id, enrollment.student_id = course.course_id, student.student_id
        self._now(enrollment.create_time)
        self.enrollments[enrollment.enrollment_id] = enrollment
        self.marks[enrollment.enrollment_id] = {}
        return self._shown_enrollment(enrollment)

    def _move_up(self, course: Any, seats: int) -> list[Any]:
        """Give seats that became free to those who wait; tells who got one."""
        moved: list[Any] = []
        for enrollment in self._of(course, WAITING):
            if len(moved) < seats and self._has_credits_left(enrollment.student_id, course):
                enrollment.state = ENROLLED
                moved.append(enrollment)
        return moved

    @handled
    def Withdraw(self, request: Any) -> Any:
        enrollment = self._enrollment(request.enrollment_id)
        if enrollment.state not in (ENROLLED, WAITING):
            raise conflict("the enrollment was withdrawn or completed")
        had_seat = enrollment.state == ENROLLED
        enrollment.state = WITHDRAWN
        response = pb.WithdrawResponse(enrollment=self._shown_enrollment(enrollment))
        if had_seat:
            for moved in self._move_up(self.courses[enrollment.course_id], 1):
                response.moved_up.CopyFrom(self._shown_enrollment(moved))
        return response

    @handled
    def ListEnrollments(self, request: Any) -> Any:
        enrollments = list(self.enrollments.values())
        if request.course_id:
            course = self._course(request.course_id)
            enrollments = [one for one in enrollments if one.course_id == course.course_id]
        if request.student_id:
            student = self._student(request.student_id)
            enrollments = [one for one in enrollments if one.student_id == student.student_id]
        if request.states:
            enrollments = [one for one in enrollments if one.state in request.states]
        shown, token = page(enrollments, request)
        return pb.ListEnrollmentsResponse(
            enrollments=map(self._shown_enrollment, shown), next_page_token=token, total_size=len(enrollments)
        )

    @handled
    def RecordGrade(self, request: Any) -> Any:
        check_text("title", request.title, 60)
        weight = request.weight if request.HasField("weight") else 1.0
        if not 0 < weight <= MAX_WEIGHT:
            raise invalid("weight", f"must be more than 0 and at most {MAX_WEIGHT}")
        enrollment = self._enrollment(request.enrollment_id)
        if enrollment.state != ENROLLED:
            raise conflict("the student isn't enrolled")
        grade = next((one for one in enrollment.grades if one.title == request.title), None)
        if grade is None:
            if len(enrollment.grades) >= MAX_GRADES:
                raise conflict(f"there are {MAX_GRADES} grades already")
            grade = enrollment.grades.add(title=request.title)
        grade.score, grade.weight = request.score, weight
        return self._shown_enrollment(enrollment)

    def _sheet(self, course: Any, day: str) -> Any:
        sheet = pb.AttendanceSheet(course_id=course.course_id, day=day)
        for enrollment in self._of(course, ENROLLED):
            mark = self.marks[enrollment.enrollment_id].get(day)
            if mark is not None:
                sheet.entries.add(student_id=enrollment.student_id, mark=mark)
                sheet.present += mark == pb.MARK_PRESENT
                sheet.late += mark == pb.MARK_LATE
                sheet.absent += mark == pb.MARK_ABSENT
                sheet.excused += mark == pb.MARK_EXCUSED
        return sheet

    @handled
    def RecordAttendance(self, request: Any) -> Any:
        day_of("day", request.day)
        if len({one.student_id.lower() for one in request.entries}) < len(request.entries):
            raise invalid("entries", "must not have a student twice")
        course = self._course(request.course_id)
        students = [self._student(one.student_id) for one in request.entries]
        if course.state != OPEN:
            raise conflict("the course is completed")
        term = self.terms[course.term_id]
        if not term.first_day <= request.day <= term.last_day:
            raise Refused(grpc.StatusCode.OUT_OF_RANGE, "the day is outside of the term")
        enrolled = {one.student_id: one.enrollment_id for one in self._of(course, ENROLLED)}
        for student in students:
            if student.student_id not in enrolled:
                raise conflict(f"student {student.student_id} isn't enrolled")
        for student, entry in zip(students, request.entries, strict=True):
            self.marks[enrolled[student.student_id]][request.day] = entry.mark
        return self._sheet(course, request.day)

    @handled
    def CompleteCourse(self, request: Any) -> Any:
        course = self._course(request.course_id)
        if course.state != OPEN:
            raise conflict("the course is completed")
        enrolled = self._of(course, ENROLLED)
        if not all(one.grades for one in enrolled):
            raise conflict("a student has no grade")
        for enrollment in enrolled:
            shown = self._shown_enrollment(enrollment)
            came = not shown.HasField("attendance_rate") or shown.attendance_rate >= PASS_ATTENDANCE
            enrollment.state = COMPLETED
            enrollment.final_grade = shown.average
            enrollment.passed = shown.average >= PASS_GRADE and came
        for enrollment in self._of(course, WAITING):
            enrollment.state = WITHDRAWN
        course.state = OVER
        return self._shown(course)

    @handled
    def GetTranscript(self, request: Any) -> Any:
        student = self._student(request.student_id)
        if request.term_id:
            self._found(self.terms, request.term_id, "term")
        transcript = pb.Transcript(student=student)
        lines = []
        for enrollment in self.enrollments.values():
            course = self.courses[enrollment.course_id]
            if enrollment.student_id != student.student_id or enrollment.state != COMPLETED:
                continue
            if request.term_id.lower() in ("", course.term_id):
                lines.append((self.terms[course.term_id], course, enrollment))
        for term, course, enrollment in sorted(lines, key=lambda line: (line[0].first_day, line[1].code)):
            line = transcript.lines.add(term_name=term.name, course_code=course.code, course_title=course.title)
            line.credits, line.final_grade, line.passed = course.credits, enrollment.final_grade, enrollment.passed
            transcript.credits_earned += line.credits if line.passed else 0
        if lines:
            weight = sum(line.credits for line in transcript.lines)
            total = sum(line.final_grade * line.credits for line in transcript.lines)
            transcript.grade_average = round(total / weight, 2)
        return transcript
