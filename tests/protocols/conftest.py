from __future__ import annotations

import pytest
from engine.playbook import engine
from protocols.playbook import Face
from support import registry

USERS = """
- name: alice
  method: user.UserService/GetUser
  request: {id: 1}
  response: {id: 1, name: Alice}
- name: said
  method: user.UserService/GetUser
  request: {id: 2}
  headers: {x-said: first, x-raw-bin: "AAE="}
  trailers: {x-last: at the end}
  response: {id: 2}
- name: gone
  method: user.UserService/GetUser
  request: {id: 3}
  headers: {x-said: first}
  error:
    code: NOT_FOUND
    message: "no user 3: ☹"
    trailers: {x-last: at the end}
    details:
      - "@type": type.googleapis.com/google.rpc.ErrorInfo
        reason: GONE
- name: seen
  method: user.UserService/GetUser
  request: {id: 4}
  metadata: {x-raw-bin: AAE=}
  response: {name: "{{ metadata['x-key'] }}"}
- name: page
  method: user.UserService/ListUsers
  request: {page: 1}
  responses: [{id: 1}, {id: 2}]
- name: broken page
  method: user.UserService/ListUsers
  request: {page: 2}
  responses: [{id: 1}]
  error: {code: DATA_LOSS, message: lost, trailers: {x-last: at the end}}
- name: empty page
  method: user.UserService/ListUsers
  request: {page: 3}
  responses: []
- name: refused page
  method: user.UserService/ListUsers
  request: {page: 4}
  error: {code: PERMISSION_DENIED, message: "no"}
- name: create
  method: user.UserService/CreateUsers
  response: {created: "{{ requests | length }}"}
- name: lookup
  method: user.UserService/LookupUsers
  script:
    - on:
        - send: {id: "{{ message.id }}"}
"""


@pytest.fixture
def users() -> Face:
    return Face(engine(registry("user.proto"), USERS))
