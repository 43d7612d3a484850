import unittest

import pytest
from greeter import Greeter


class TestGreeter(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _mock(self, grpcmock):
        self.mock = grpcmock

    def test_unmatched(self):
        self.mock.on("user.UserService/GetUser").when(id=42).returns(name="Alice").optional()
        Greeter(self.mock.target).greeting(7)

    def test_own_failure(self):
        self.mock.on("user.UserService/GetUser").when(id=42).returns(name="Alice").optional()
        self.assertEqual(Greeter(self.mock.target).greeting(7), "Hello, Alice")
