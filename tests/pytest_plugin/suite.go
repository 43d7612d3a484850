// A suite in Go that shares a mock server with others: each test is a session, steered by REST and called by Connect.
package suite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"testing"
)

var server = os.Getenv("MOCK_URL")

// send makes a request in a session, and gives the status and the JSON of its response.
func send(t *testing.T, session, verb, path string, body any) (int, map[string]any) {
	t.Helper()
	var data []byte
	if body != nil {
		data, _ = json.Marshal(body)
	}
	request, err := http.NewRequest(verb, server+path, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("x-grpcmock-session", session)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	read := map[string]any{}
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatalf("%s %s: %d %s", verb, path, response.StatusCode, text)
	}
	return response.StatusCode, read
}

func get(t *testing.T, session string, id int) string {
	t.Helper()
	status, user := send(t, session, "POST", "/user.UserService/GetUser", map[string]any{"id": id})
	if status != 200 {
		return fmt.Sprint(user["code"])
	}
	return fmt.Sprint(user["name"])
}

func expect(t *testing.T, what string, actual, expected any) {
	t.Helper()
	if fmt.Sprint(actual) != fmt.Sprint(expected) {
		t.Errorf("%s: expected %v, not %v", what, expected, actual)
	}
}

func TestSessions(t *testing.T) {
	tests, err := strconv.Atoi(os.Getenv("TESTS"))
	if err != nil {
		t.Fatal(err)
	}
	for number := range tests {
		t.Run(strconv.Itoa(number), func(t *testing.T) {
			t.Parallel()
			own(t, fmt.Sprintf("go-%d", number))
		})
	}
}

func own(t *testing.T, session string) {
	stubs := fmt.Sprintf(`
- {method: user.UserService/GetUser, request: {id: 5}, response: {name: %q}}
- {method: user.UserService/GetUser, request: {id: 6}, times: 1, set: {door: %s}, response: {name: once}}
`, session, session)
	if status, answer := send(t, session, "POST", "/v1/stubs", map[string]any{"stubs": stubs}); status != 200 {
		t.Fatalf("stubs: %d %v", status, answer)
	}
	expect(t, "its own", get(t, session, 5), session)
	expect(t, "once", get(t, session, 6), "once")
	expect(t, "no more", get(t, session, 6), "unimplemented")
	for _, name := range []string{"one", "two", "one"} {
		expect(t, "a common sequence", get(t, session, 1), name)
	}
	_, states := send(t, session, "GET", "/v1/states", nil)
	expect(t, "states", states["states"], map[string]any{"door": session})
	for match, exactly := range map[string]int{"request: {id: 1}": 3, "request: {id: 5}": 1, "request: {id: 77}": 0} {
		_, verdict := send(t, session, "POST", "/v1/calls:verify", map[string]any{
			"method": "user.UserService/GetUser", "match": match, "exactly": exactly,
		})
		expect(t, match, verdict["satisfied"], true)
	}
	status, _ := send(t, session, "DELETE", "/v1/sessions/"+session, nil)
	expect(t, "the end", status, 200)
}
