// A manager of secrets in memory: projects' secrets, their versions, and a stream of what changes.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"hash/crc32"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"example.com/secrets/pb"
)

const (
	mostVersions  = 20
	mostData      = 65536
	mostLabels    = 64
	mostAliases   = 50
	mostNames     = 100
	mostEvents    = 1000
	longestText   = 500
	longestFilter = 1000
	defaultPage   = 25
	largestPage   = 100
	longestLife   = 3650 * 24 * time.Hour
	latest        = "latest"
	aProject      = `^projects/([a-z][a-z0-9-]{4,28}[a-z0-9])`
	anID          = `[A-Za-z][A-Za-z0-9_-]{0,62}`
)

var (
	projectName   = regexp.MustCompile(aProject + `$`)
	secretName    = regexp.MustCompile(aProject + `/secrets/(` + anID + `)$`)
	secretOrAll   = regexp.MustCompile(aProject + `/secrets/(-|` + anID + `)$`)
	versionName   = regexp.MustCompile(aProject + `/secrets/(` + anID + `)/versions/([1-9][0-9]{0,8}|` + anID + `)$`)
	versionNumber = regexp.MustCompile(aProject + `/secrets/(` + anID + `)/versions/([1-9][0-9]{0,8})$`)
	identifier    = regexp.MustCompile(`^` + anID + `$`)
	labelKey      = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)
	labelValue    = regexp.MustCompile(`^[a-z0-9_-]{0,63}$`)
	requestID     = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	condition     = regexp.MustCompile(`^([a-z_]+)(?:\.([a-z0-9_-]+))?\s*(!=|>=|<=|[=:<>])\s*("(?:[^"\\]|\\.)*"|[^\s"]+)(?:\s+AND\s+|$)`)
	castagnoli    = crc32.MakeTable(crc32.Castagnoli)
)

type version struct {
	number             int64
	state              pb.SecretVersion_State
	created, destroyed time.Time
	data               []byte
	checksum           uint32
	etag               string
}

type secret struct {
	project, id      string
	format           pb.Secret_Format
	description      string
	labels           map[string]string
	aliases          map[string]int64
	expires          time.Time
	period           time.Duration
	next, last       time.Time
	created, updated time.Time
	etag             string
	versions         []*version
	requests         map[string]*version
}

type project struct {
	secrets  map[string]*secret
	events   []*pb.SecretEvent
	revision int64
}

type server struct {
	pb.UnimplementedSecretManagerServer

	mu       sync.Mutex
	projects map[string]*project
	expiring map[*secret]bool
	changed  chan struct{}
}

// A refusal is what a handler panics with to end a call; the interceptors make a status of it.
type refusal struct{ err error }

func refuseIf(wrong bool, code codes.Code, format string, values ...any) {
	if wrong {
		panic(refusal{status.Errorf(code, format, values...)})
	}
}

func invalidIf(wrong bool, format string, values ...any) {
	refuseIf(wrong, codes.InvalidArgument, format, values...)
}

func refused(err *error) {
	switch one := recover().(type) {
	case nil:
	case refusal:
		*err = one.err
	default:
		panic(one)
	}
}

func unary(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (response any, err error) {
	defer refused(&err)
	return handle(ctx, request)
}

func streaming(served any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) (err error) {
	defer refused(&err)
	return handle(served, stream)
}

// What is shown of a secret and of its versions.

func newEtag() string {
	return fmt.Sprintf("%016x", rand.Uint64())
}

func stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func (x *secret) name() string {
	return "projects/" + x.project + "/secrets/" + x.id
}

func (x *secret) versionName(v *version) string {
	return fmt.Sprintf("%s/versions/%d", x.name(), v.number)
}

func (x *secret) count(state pb.SecretVersion_State) int32 {
	count := int32(0)
	for _, v := range x.versions {
		if v.state == state {
			count++
		}
	}
	return count
}

func (x *secret) show() *pb.Secret {
	shown := &pb.Secret{
		Name: x.name(), Format: x.format, Description: x.description, Labels: maps.Clone(x.labels),
		VersionAliases: maps.Clone(x.aliases), CreateTime: stamp(x.created), UpdateTime: stamp(x.updated),
		Etag: x.etag, EnabledVersionCount: x.count(pb.SecretVersion_ENABLED),
	}
	if !x.expires.IsZero() {
		shown.Expiration = &pb.Secret_ExpireTime{ExpireTime: stamp(x.expires)}
	}
	if x.period > 0 {
		shown.Rotation = &pb.Rotation{
			RotationPeriod: durationpb.New(x.period), NextRotationTime: stamp(x.next), LastRotationTime: stamp(x.last),
		}
	}
	return shown
}

func (x *secret) showVersion(v *version) *pb.SecretVersion {
	shown := &pb.SecretVersion{
		Name: x.versionName(v), State: v.state, CreateTime: stamp(v.created), DestroyTime: stamp(v.destroyed),
		PayloadSize: int64(len(v.data)), Etag: v.etag,
	}
	for alias, number := range x.aliases {
		if number == v.number {
			shown.Aliases = append(shown.Aliases, alias)
		}
	}
	slices.Sort(shown.Aliases)
	return shown
}

// Finding things by their names.

// parse gives what stands in the name: project, secret, version, as far as the pattern goes.
func parse(pattern *regexp.Regexp, field, name string) []string {
	invalidIf(name == "", "%s is required", field)
	parts := pattern.FindStringSubmatch(name)
	invalidIf(parts == nil, "%s is malformed", field)
	return parts[1:]
}

// enter takes the lock and lets go of the secrets that have expired. It returns what gives the lock back.
func (s *server) enter() func() {
	s.mu.Lock()
	now := time.Now()
	for x := range s.expiring {
		if !x.expires.After(now) {
			s.remove(x)
		}
	}
	return s.mu.Unlock
}

func (s *server) remove(x *secret) {
	delete(s.projects[x.project].secrets, x.id)
	delete(s.expiring, x)
	s.tell(x, pb.SecretEvent_DELETED, nil)
}

func (s *server) tell(x *secret, kind pb.SecretEvent_Type, v *version) {
	p := s.projects[x.project]
	p.revision++
	event := &pb.SecretEvent{Revision: p.revision, Type: kind, EventTime: timestamppb.Now(), Secret: x.show()}
	if v != nil {
		event.Version = x.showVersion(v)
	}
	p.events = append(p.events, event)
	if len(p.events) > mostEvents {
		p.events = slices.Clone(p.events[1:])
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// project gives an empty one, which isn't kept, if nothing was stored in it.
func (s *server) project(id string) *project {
	if p := s.projects[id]; p != nil {
		return p
	}
	return &project{secrets: map[string]*secret{}}
}

func (s *server) secret(parts []string) *secret {
	x := s.project(parts[0]).secrets[parts[1]]
	refuseIf(x == nil, codes.NotFound, "there is no secret %s in the project %s", parts[1], parts[0])
	return x
}

func (s *server) version(parts []string) (*secret, *version) {
	x := s.secret(parts)
	number, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil {
		number = x.aliases[parts[2]]
	}
	for _, v := range slices.Backward(x.versions) {
		if v.number == number || parts[2] == latest && v.state == pb.SecretVersion_ENABLED {
			return x, v
		}
	}
	panic(refusal{status.Errorf(codes.NotFound, "the secret %s has no version %s", x.name(), parts[2])})
}

func checkEtag(given, current string) {
	refuseIf(given != "" && given != current, codes.Aborted, "the etag is not the current one; read again and retry")
}

// Metadata of secrets.

func duration(field string, given *durationpb.Duration, shortest, longest time.Duration) time.Duration {
	invalidIf(given.CheckValid() != nil, "%s is no valid duration", field)
	length := given.AsDuration()
	invalidIf(length < shortest || length > longest, "%s must be from %v to %v", field, shortest, longest)
	return length
}

func future(field string, given *timestamppb.Timestamp, now time.Time) time.Time {
	invalidIf(given.CheckValid() != nil, "%s is no valid time", field)
	invalidIf(!given.AsTime().After(now), "%s must be in the future", field)
	return given.AsTime()
}

func checkLabels(labels map[string]string) {
	invalidIf(len(labels) > mostLabels, "labels has more than %d entries", mostLabels)
	for key, value := range labels {
		invalidIf(!labelKey.MatchString(key), "labels has a malformed key")
		invalidIf(!labelValue.MatchString(value), "the value of the label %s is malformed", key)
	}
}

func (x *secret) checkAliases(aliases map[string]int64) {
	invalidIf(len(aliases) > mostAliases, "version_aliases has more than %d entries", mostAliases)
	for alias, number := range aliases {
		invalidIf(!identifier.MatchString(alias), "version_aliases has a malformed alias")
		invalidIf(alias == latest, "the alias %s is reserved", latest)
		invalidIf(number < 1, "the version of the alias %s must be 1 or more", alias)
	}
	isMissing := func(number int64) bool { return number > int64(len(x.versions)) }
	for alias, number := range aliases {
		refuseIf(isMissing(number), codes.NotFound, "version %d of the alias %s doesn't exist", number, alias)
	}
	for alias, number := range aliases {
		isGone := x.versions[number-1].state == pb.SecretVersion_DESTROYED
		refuseIf(isGone, codes.FailedPrecondition, "version %d of the alias %s was destroyed", number, alias)
	}
}

// changed gives the secret as it is with these fields of the request. The one that is stored stays as it was.
func (x *secret) changed(given *pb.Secret, paths map[string]bool, now time.Time) *secret {
	made := *x
	if paths["description"] {
		isLong := utf8.RuneCountInString(given.Description) > longestText
		invalidIf(isLong, "description is longer than %d characters", longestText)
		made.description = given.Description
	}
	if paths["labels"] {
		checkLabels(given.Labels)
		made.labels = given.Labels
	}
	if paths["expire_time"] || paths["ttl"] {
		made.expires = time.Time{}
		switch one := given.Expiration.(type) {
		case *pb.Secret_ExpireTime:
			made.expires = future("expire_time", one.ExpireTime, now)
		case *pb.Secret_Ttl:
			made.expires = now.Add(duration("ttl", one.Ttl, time.Second, longestLife))
		}
	}
	if paths["rotation"] && given.Rotation == nil {
		made.period, made.next, made.last = 0, time.Time{}, time.Time{}
	} else if paths["rotation"] || paths["rotation.rotation_period"] || paths["rotation.next_rotation_time"] {
		made.schedule(given.Rotation, paths, now)
	}
	if paths["version_aliases"] {
		x.checkAliases(given.VersionAliases)
		made.aliases = given.VersionAliases
	}
	return &made
}

func (x *secret) schedule(given *pb.Rotation, paths map[string]bool, now time.Time) {
	if paths["rotation"] || paths["rotation.rotation_period"] {
		invalidIf(given.GetRotationPeriod() == nil, "rotation.rotation_period is required")
		x.period = duration("rotation.rotation_period", given.RotationPeriod, time.Hour, longestLife)
	}
	invalidIf(x.period == 0, "rotation.rotation_period is required")
	if paths["rotation"] || paths["rotation.next_rotation_time"] {
		x.next = time.Time{}
		if given.GetNextRotationTime() != nil {
			x.next = future("rotation.next_rotation_time", given.NextRotationTime, now)
		}
	}
	if x.next.IsZero() {
		x.next = now.Add(x.period)
	}
}

// updatePaths gives the fields that an update is about.
func updatePaths(r *pb.UpdateSecretRequest, format pb.Secret_Format) map[string]bool {
	given, named := r.Secret, r.UpdateMask.GetPaths()
	if len(named) == 0 || len(named) == 1 && named[0] == "*" {
		isOther := given.Format != pb.Secret_FORMAT_UNSPECIFIED && given.Format != format
		invalidIf(isOther, "format can't be changed")
		all := len(named) == 1
		return map[string]bool{
			"description": all || given.Description != "", "labels": all || len(given.Labels) > 0,
			"version_aliases": all || len(given.VersionAliases) > 0, "expire_time": all || given.Expiration != nil,
			"rotation": all || given.Rotation != nil,
		}
	}
	paths := map[string]bool{}
	for _, path := range named {
		switch path {
		case "description", "labels", "version_aliases", "expire_time", "ttl":
		case "rotation", "rotation.rotation_period", "rotation.next_rotation_time":
		case "format":
			invalidIf(given.Format != format, "format can't be changed")
		default:
			invalidIf(true, "update_mask has a path that can't be updated")
		}
		paths[path] = true
	}
	return paths
}

func (s *server) store(x *secret) {
	delete(s.expiring, x)
	if !x.expires.IsZero() {
		s.expiring[x] = true
	}
}

func (s *server) CreateSecret(_ context.Context, r *pb.CreateSecretRequest) (*pb.Secret, error) {
	parent := parse(projectName, "parent", r.Parent)
	parse(identifier, "secret_id", r.SecretId)
	invalidIf(r.Secret == nil, "secret is required")
	invalidIf(pb.Secret_Format_name[int32(r.Secret.Format)] == "", "secret.format is unknown")
	invalidIf(len(r.Secret.VersionAliases) > 0, "secret.version_aliases can't be given before there are versions")
	defer s.enter()()
	now := time.Now()
	empty := &secret{
		project: parent[0], id: r.SecretId, format: max(r.Secret.Format, pb.Secret_OPAQUE), created: now, updated: now,
		etag: newEtag(), requests: map[string]*version{},
	}
	x := empty.changed(r.Secret, map[string]bool{"description": true, "labels": true, "ttl": true, "rotation": true}, now)
	p := s.project(x.project)
	refuseIf(p.secrets[x.id] != nil, codes.AlreadyExists, "the secret %s exists", x.name())
	if r.ValidateOnly {
		return x.show(), nil
	}
	s.projects[x.project] = p
	p.secrets[x.id] = x
	s.store(x)
	s.tell(x, pb.SecretEvent_CREATED, nil)
	return x.show(), nil
}

func (s *server) GetSecret(_ context.Context, r *pb.GetSecretRequest) (*pb.Secret, error) {
	parts := parse(secretName, "name", r.Name)
	defer s.enter()()
	return s.secret(parts).show(), nil
}

func (s *server) UpdateSecret(_ context.Context, r *pb.UpdateSecretRequest) (*pb.Secret, error) {
	invalidIf(r.Secret == nil, "secret is required")
	parts := parse(secretName, "secret.name", r.Secret.Name)
	defer s.enter()()
	x := s.secret(parts)
	now := time.Now()
	made := x.changed(r.Secret, updatePaths(r, x.format), now)
	checkEtag(r.Secret.Etag, x.etag)
	*x = *made
	x.updated, x.etag = now, newEtag()
	s.store(x)
	s.tell(x, pb.SecretEvent_UPDATED, nil)
	return x.show(), nil
}

func (s *server) DeleteSecret(_ context.Context, r *pb.DeleteSecretRequest) (*emptypb.Empty, error) {
	parts := parse(secretName, "name", r.Name)
	defer s.enter()()
	x := s.secret(parts)
	checkEtag(r.Etag, x.etag)
	isInUse := !r.Force && x.count(pb.SecretVersion_ENABLED) > 0
	refuseIf(isInUse, codes.FailedPrecondition, "the secret has enabled versions; set force to delete it nevertheless")
	s.remove(x)
	return &emptypb.Empty{}, nil
}

// Filters, orders and pages.

type term struct {
	field, key, operator, value string
	time                        time.Time
}

// parseFilter reads conditions on fields, each of which has certain operators and perhaps only certain values.
func parseFilter(filter string, operators map[string][]string, values map[string]int32) []term {
	invalidIf(len(filter) > longestFilter, "filter is longer than %d bytes", longestFilter)
	var terms []term
	for rest := strings.TrimSpace(filter); rest != ""; {
		parts := condition.FindStringSubmatch(rest)
		invalidIf(parts == nil, "filter can't be read")
		rest = rest[len(parts[0]):]
		one := term{field: parts[1], key: parts[2], operator: parts[3], value: parts[4]}
		var err error
		if strings.HasPrefix(one.value, `"`) {
			one.value, err = strconv.Unquote(one.value)
			invalidIf(err != nil, "filter has a text that can't be read")
		}
		isKnown := (one.field == "labels") == (one.key != "") && slices.Contains(operators[one.field], one.operator)
		invalidIf(!isKnown, "filter has a condition that there isn't")
		switch one.field {
		case "labels":
			invalidIf(one.operator == ":" && one.value != "*", "filter has a label with something else than * behind the colon")
		case "format", "state":
			invalidIf(values[one.value] == 0, "filter has a value that %s can't have", one.field)
		case "create_time":
			one.time, err = time.Parse(time.RFC3339Nano, one.value)
			invalidIf(err != nil, "filter has a time that isn't as in RFC 3339")
		}
		terms = append(terms, one)
	}
	return terms
}

func secretFilter(filter string) []term {
	return parseFilter(filter, map[string][]string{
		"labels": {"=", "!=", ":"}, "format": {"=", "!="}, "name": {":"}, "create_time": {">=", "<=", ">", "<"},
	}, pb.Secret_Format_value)
}

func (t term) fits(labels map[string]string, enum, name string, created time.Time) bool {
	switch t.field {
	case "labels":
		value, has := labels[t.key]
		return has && t.operator == ":" || t.operator != ":" && (has && value == t.value) == (t.operator == "=")
	case "name":
		return strings.Contains(name[strings.LastIndex(name, "/")+1:], t.value)
	case "create_time":
		order := created.Compare(t.time)
		return order < 0 && t.operator[0] == '<' || order > 0 && t.operator[0] == '>' || order == 0 && len(t.operator) == 2
	}
	return (enum == t.value) == (t.operator == "=")
}

func secretFits(x *pb.Secret, terms []term) bool {
	isOut := func(t term) bool { return !t.fits(x.Labels, x.Format.String(), x.Name, x.CreateTime.AsTime()) }
	return !slices.ContainsFunc(terms, isOut)
}

// A list is what a page token holds: what was asked for, and the place of the last item that was given.
type list struct {
	Parent, Filter, Order, After string
}

// resumed gives the list with the place at which it goes on.
func (asked list) resumed(size int32, token string) list {
	invalidIf(size < 0, "page_size must not be negative")
	if token == "" {
		return asked
	}
	var read list
	text, err := base64.RawURLEncoding.DecodeString(token)
	invalidIf(err != nil || json.Unmarshal(text, &read) != nil || read.After == "", "page_token is malformed")
	asked.After = read.After
	invalidIf(read != asked, "page_token is of a list with another parent, filter or order")
	return asked
}

// page gives the items of one page, sorted by their places, and the token of the next one.
func page[T any](items map[string]T, asked list, size int32) ([]T, string) {
	if size == 0 {
		size = defaultPage
	}
	order := strings.Compare
	if strings.HasSuffix(asked.Order, " desc") {
		order = func(one, other string) int { return strings.Compare(other, one) }
	}
	places := slices.SortedFunc(maps.Keys(items), order)
	if asked.After != "" {
		first := sort.Search(len(places), func(i int) bool { return order(places[i], asked.After) > 0 })
		places = places[first:]
	}
	last := min(len(places), int(size), largestPage)
	var shown []T
	for _, place := range places[:last] {
		shown = append(shown, items[place])
	}
	if last == len(places) {
		return shown, ""
	}
	asked.After = places[last-1]
	text, _ := json.Marshal(asked)
	return shown, base64.RawURLEncoding.EncodeToString(text)
}

func (s *server) ListSecrets(_ context.Context, r *pb.ListSecretsRequest) (*pb.ListSecretsResponse, error) {
	parts := parse(projectName, "parent", r.Parent)
	order := strings.Join(strings.Fields(r.OrderBy), " ")
	isKnown := slices.Contains([]string{"", "name", "name desc", "create_time", "create_time desc"}, order)
	invalidIf(!isKnown, "order_by must be name or create_time, with or without desc")
	terms := secretFilter(r.Filter)
	asked := list{Parent: r.Parent, Filter: r.Filter, Order: order}.resumed(r.PageSize, r.PageToken)
	defer s.enter()()
	p := s.project(parts[0])
	items := map[string]*pb.Secret{}
	for _, x := range p.secrets {
		place := x.id
		if strings.HasPrefix(order, "create_time") {
			place = fmt.Sprintf("%020d/%s", x.created.UnixNano(), x.id)
		}
		if shown := x.show(); secretFits(shown, terms) {
			items[place] = shown
		}
	}
	response := &pb.ListSecretsResponse{TotalSize: int32(len(items)), Revision: p.revision}
	response.Secrets, response.NextPageToken = page(items, asked, r.PageSize)
	return response, nil
}

func (s *server) ListSecretVersions(_ context.Context, r *pb.ListSecretVersionsRequest) (*pb.ListSecretVersionsResponse, error) {
	parts := parse(secretOrAll, "parent", r.Parent)
	operators := map[string][]string{"state": {"=", "!="}, "create_time": {">=", "<=", ">", "<"}}
	terms := parseFilter(r.Filter, operators, pb.SecretVersion_State_value)
	asked := list{Parent: r.Parent, Filter: r.Filter}.resumed(r.PageSize, r.PageToken)
	defer s.enter()()
	within := s.project(parts[0]).secrets
	if parts[1] != "-" {
		within = map[string]*secret{parts[1]: s.secret(parts)}
	}
	items := map[string]*pb.SecretVersion{}
	for _, x := range within {
		for _, v := range x.versions {
			isOut := func(t term) bool { return !t.fits(nil, v.state.String(), "", v.created) }
			if !slices.ContainsFunc(terms, isOut) {
				items[fmt.Sprintf("%s\x00%09d", x.id, 999_999_999-v.number)] = x.showVersion(v)
			}
		}
	}
	response := &pb.ListSecretVersionsResponse{TotalSize: int32(len(items))}
	response.Versions, response.NextPageToken = page(items, asked, r.PageSize)
	return response, nil
}

// Versions and their data.

func checkPayload(given *pb.SecretPayload) {
	invalidIf(len(given.GetData()) == 0, "payload.data is required")
	invalidIf(len(given.Data) > mostData, "payload.data is longer than %d bytes", mostData)
	isWrong := given.DataCrc32C != nil && *given.DataCrc32C != int64(crc32.Checksum(given.Data, castagnoli))
	invalidIf(isWrong, "payload.data_crc32c isn't the checksum of the data")
}

func (s *server) add(x *secret, data []byte) *version {
	invalidIf(x.format == pb.Secret_TEXT && !utf8.Valid(data), "payload.data must be text in UTF-8")
	invalidIf(x.format == pb.Secret_JSON && !json.Valid(data), "payload.data must be a JSON value")
	isFull := int32(len(x.versions))-x.count(pb.SecretVersion_DESTROYED) >= mostVersions
	refuseIf(isFull, codes.ResourceExhausted, "the secret has %d versions; destroy some of them", mostVersions)
	v := &version{
		number: int64(len(x.versions)) + 1, state: pb.SecretVersion_ENABLED, created: time.Now(),
		data: data, checksum: crc32.Checksum(data, castagnoli), etag: newEtag(),
	}
	x.versions = append(x.versions, v)
	s.tell(x, pb.SecretEvent_VERSION_ADDED, v)
	return v
}

func (s *server) AddSecretVersion(_ context.Context, r *pb.AddSecretVersionRequest) (*pb.SecretVersion, error) {
	parts := parse(secretName, "parent", r.Parent)
	invalidIf(r.RequestId != "" && !requestID.MatchString(r.RequestId), "request_id is no UUID")
	checkPayload(r.Payload)
	defer s.enter()()
	x := s.secret(parts)
	request := strings.ToLower(r.RequestId)
	if before := x.requests[request]; before != nil {
		isOther := before.checksum != crc32.Checksum(r.Payload.Data, castagnoli)
		invalidIf(isOther, "request_id was used with other data")
		return x.showVersion(before), nil
	}
	v := s.add(x, r.Payload.Data)
	if request != "" {
		x.requests[request] = v
	}
	return x.showVersion(v), nil
}

func (s *server) GetSecretVersion(_ context.Context, r *pb.GetSecretVersionRequest) (*pb.SecretVersion, error) {
	parts := parse(versionName, "name", r.Name)
	defer s.enter()()
	x, v := s.version(parts)
	return x.showVersion(v), nil
}

func (s *server) access(parts []string) (response *pb.AccessSecretVersionResponse, err error) {
	defer refused(&err)
	x, v := s.version(parts)
	refuseIf(v.state != pb.SecretVersion_ENABLED, codes.FailedPrecondition, "the version is %s, not ENABLED", v.state)
	checksum := int64(v.checksum)
	payload := &pb.SecretPayload{Data: v.data, DataCrc32C: &checksum}
	return &pb.AccessSecretVersionResponse{Name: x.versionName(v), Payload: payload}, nil
}

func (s *server) AccessSecretVersion(_ context.Context, r *pb.AccessSecretVersionRequest) (*pb.AccessSecretVersionResponse, error) {
	parts := parse(versionName, "name", r.Name)
	defer s.enter()()
	return s.access(parts)
}

func (s *server) BatchAccessSecretVersions(_ context.Context, r *pb.BatchAccessSecretVersionsRequest) (*pb.BatchAccessSecretVersionsResponse, error) {
	parent := parse(projectName, "parent", r.Parent)
	invalidIf(len(r.Names) == 0 || len(r.Names) > mostNames, "names must have 1 to %d entries", mostNames)
	var asked [][]string
	for _, name := range r.Names {
		parts := parse(versionName, "an entry of names", name)
		invalidIf(parts[0] != parent[0], "an entry of names is not in the project %s", parent[0])
		asked = append(asked, parts)
	}
	defer s.enter()()
	response := &pb.BatchAccessSecretVersionsResponse{}
	for index, parts := range asked {
		one, err := s.access(parts)
		switch {
		case err == nil:
			response.Versions = append(response.Versions, one)
		case r.SkipUnavailable:
			response.Unavailable = append(response.Unavailable, r.Names[index])
		default:
			return nil, err
		}
	}
	return response, nil
}

func (s *server) change(name, etag string, to pb.SecretVersion_State) (*pb.SecretVersion, error) {
	parts := parse(versionNumber, "name", name)
	defer s.enter()()
	x, v := s.version(parts)
	checkEtag(etag, v.etag)
	refuseIf(v.state == pb.SecretVersion_DESTROYED, codes.FailedPrecondition, "the version was destroyed")
	if v.state == to {
		return x.showVersion(v), nil
	}
	v.state, v.etag = to, newEtag()
	if to == pb.SecretVersion_DESTROYED {
		v.data, v.destroyed = nil, time.Now()
		for alias, number := range x.aliases {
			if number == v.number {
				delete(x.aliases, alias)
				x.updated, x.etag = v.destroyed, newEtag()
			}
		}
	}
	s.tell(x, pb.SecretEvent_VERSION_STATE_CHANGED, v)
	return x.showVersion(v), nil
}

func (s *server) EnableSecretVersion(_ context.Context, r *pb.EnableSecretVersionRequest) (*pb.SecretVersion, error) {
	return s.change(r.Name, r.Etag, pb.SecretVersion_ENABLED)
}

func (s *server) DisableSecretVersion(_ context.Context, r *pb.DisableSecretVersionRequest) (*pb.SecretVersion, error) {
	return s.change(r.Name, r.Etag, pb.SecretVersion_DISABLED)
}

func (s *server) DestroySecretVersion(_ context.Context, r *pb.DestroySecretVersionRequest) (*pb.SecretVersion, error) {
	return s.change(r.Name, r.Etag, pb.SecretVersion_DESTROYED)
}

func (s *server) RotateSecret(_ context.Context, r *pb.RotateSecretRequest) (*pb.RotateSecretResponse, error) {
	parts := parse(secretName, "name", r.Name)
	checkPayload(r.Payload)
	defer s.enter()()
	x := s.secret(parts)
	checkEtag(r.Etag, x.etag)
	refuseIf(x.period == 0, codes.FailedPrecondition, "the secret has no rotation")
	before := slices.Clone(x.versions)
	added := s.add(x, r.Payload.Data)
	response := &pb.RotateSecretResponse{}
	for _, v := range before {
		if r.DisablePrevious && v.state == pb.SecretVersion_ENABLED {
			v.state, v.etag = pb.SecretVersion_DISABLED, newEtag()
			response.DisabledVersions = append(response.DisabledVersions, x.versionName(v))
			s.tell(x, pb.SecretEvent_VERSION_STATE_CHANGED, v)
		}
	}
	now := time.Now()
	x.last, x.next = now, now.Add(x.period)
	x.updated, x.etag = now, newEtag()
	s.tell(x, pb.SecretEvent_UPDATED, nil)
	response.Secret, response.Version = x.show(), x.showVersion(added)
	return response, nil
}

func (s *server) SummarizeSecrets(_ context.Context, r *pb.SummarizeSecretsRequest) (*pb.SecretSummary, error) {
	parts := parse(projectName, "parent", r.Parent)
	invalidIf(r.GroupByLabel != "" && !labelKey.MatchString(r.GroupByLabel), "group_by_label is malformed")
	within := 7 * 24 * time.Hour
	if r.ExpiringWithin != nil {
		within = duration("expiring_within", r.ExpiringWithin, 1, longestLife)
	}
	defer s.enter()()
	now := time.Now()
	summary := &pb.SecretSummary{}
	groups := map[string]int32{}
	for _, x := range s.project(parts[0]).secrets {
		summary.SecretCount++
		summary.VersionCount += int32(len(x.versions))
		summary.EnabledVersionCount += x.count(pb.SecretVersion_ENABLED)
		summary.DisabledVersionCount += x.count(pb.SecretVersion_DISABLED)
		summary.DestroyedVersionCount += x.count(pb.SecretVersion_DESTROYED)
		for _, v := range x.versions {
			summary.PayloadBytes += int64(len(v.data))
		}
		if !x.expires.IsZero() && !x.expires.After(now.Add(within)) {
			summary.ExpiringCount++
		}
		if x.period > 0 && !x.next.After(now) {
			summary.RotationOverdueCount++
		}
		groups[x.labels[r.GroupByLabel]]++
	}
	for _, value := range slices.Sorted(maps.Keys(groups)) {
		if r.GroupByLabel != "" {
			summary.Groups = append(summary.Groups, &pb.SecretSummary_Group{Value: value, SecretCount: groups[value]})
		}
	}
	return summary, nil
}

// since gives the events from a revision on, and a channel that is closed when there are more. Revision 0 is the next.
func (s *server) since(id string, revision int64) ([]*pb.SecretEvent, int64, <-chan struct{}) {
	defer s.enter()()
	p := s.project(id)
	if revision == 0 {
		revision = p.revision + 1
	}
	oldest := p.revision - int64(len(p.events)) + 1
	refuseIf(revision < oldest, codes.OutOfRange, "the changes before revision %d are not kept any more", oldest)
	refuseIf(revision > p.revision+1, codes.OutOfRange, "the next revision is %d", p.revision+1)
	return slices.Clone(p.events[revision-oldest:]), p.revision + 1, s.changed
}

func (s *server) WatchSecrets(r *pb.WatchSecretsRequest, stream grpc.ServerStreamingServer[pb.SecretEvent]) error {
	parts := parse(projectName, "parent", r.Parent)
	terms := secretFilter(r.Filter)
	invalidIf(r.StartRevision < 0 || r.MaxEvents < 0, "start_revision and max_events must not be negative")
	longest := 30 * time.Second
	if r.MaxDuration != nil {
		longest = duration("max_duration", r.MaxDuration, 1, time.Hour)
	}
	events, next, changed := s.since(parts[0], r.StartRevision)
	if err := stream.SendHeader(metadata.MD{}); err != nil {
		return err
	}
	ended := time.After(longest)
	for sent := int32(0); ; events, next, changed = s.since(parts[0], next) {
		for _, event := range events {
			if !secretFits(event.Secret, terms) {
				continue
			}
			if err := stream.Send(event); err != nil {
				return err
			}
			if sent++; sent == r.MaxEvents {
				return nil
			}
		}
		select {
		case <-changed:
		case <-ended:
			return nil
		case <-stream.Context().Done():
			return status.FromContextError(stream.Context().Err()).Err()
		}
	}
}

// expire tells those who watch about secrets that expire while nobody calls.
func (s *server) expire() {
	for range time.Tick(100 * time.Millisecond) {
		s.enter()()
	}
}

func main() {
	address := flag.String("listen", "127.0.0.1:0", "where to listen")
	flag.Parse()
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	s := &server{projects: map[string]*project{}, expiring: map[*secret]bool{}, changed: make(chan struct{})}
	go s.expire()
	g := grpc.NewServer(grpc.UnaryInterceptor(unary), grpc.StreamInterceptor(streaming))
	pb.RegisterSecretManagerServer(g, s)
	h := health.NewServer()
	for _, name := range []string{"", pb.SecretManager_ServiceDesc.ServiceName} {
		h.SetServingStatus(name, healthpb.HealthCheckResponse_SERVING)
	}
	healthpb.RegisterHealthServer(g, h)
	reflection.Register(g)
	fmt.Println(listener.Addr())
	if err := g.Serve(listener); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
