// A store of keys and values in memory, with revisions, leases and watches.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sort"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"

	"example.com/keyvalue/pb"
)

const (
	longestKey   = 1024
	longestValue = 64 * 1024
	longestTTL   = 9_000_000
	mostOps      = 128
)

type lease struct {
	granted int64
	until   time.Time
	keys    map[string]bool
}

type watcher struct {
	id       int64
	key, end []byte
	events   chan *pb.WatchResponse
}

type server struct {
	pb.UnimplementedKVServer
	pb.UnimplementedLeaseServer
	pb.UnimplementedWatchServer

	mu        sync.Mutex
	revision  int64
	compacted int64
	keys      map[string]*pb.KeyValue
	leases    map[int64]*lease
	watchers  map[*watcher]bool
}

func (s *server) header() *pb.Header {
	return &pb.Header{Revision: s.revision, Member: "one"}
}

func invalid(format string, values ...any) error {
	return status.Errorf(codes.InvalidArgument, format, values...)
}

func checkKey(key []byte) error {
	if len(key) == 0 {
		return invalid("key is not provided")
	}
	if len(key) > longestKey {
		return invalid("key is longer than %d bytes", longestKey)
	}
	return nil
}

func checkRange(key, end []byte) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if len(end) > 0 && bytes.Compare(key, end) >= 0 {
		return invalid("range_end must be after key")
	}
	return nil
}

func within(key string, first, end []byte) bool {
	if len(end) == 0 {
		return key == string(first)
	}
	return key >= string(first) && key < string(end)
}

func (s *server) find(first, end []byte) []*pb.KeyValue {
	found := []*pb.KeyValue{}
	for key, kv := range s.keys {
		if within(key, first, end) {
			found = append(found, kv)
		}
	}
	sort.Slice(found, func(i, j int) bool { return bytes.Compare(found[i].Key, found[j].Key) < 0 })
	return found
}

func clone(kv *pb.KeyValue) *pb.KeyValue {
	return &pb.KeyValue{
		Key: kv.Key, CreateRevision: kv.CreateRevision, ModRevision: kv.ModRevision,
		Version: kv.Version, Value: kv.Value, Lease: kv.Lease,
	}
}

func (s *server) tell(kind pb.Event_Type, kv *pb.KeyValue) {
	for w := range s.watchers {
		if !within(string(kv.Key), w.key, w.end) {
			continue
		}
		event := &pb.Event{Type: kind, Kv: clone(kv)}
		select {
		case w.events <- &pb.WatchResponse{Header: s.header(), WatchId: w.id, Events: []*pb.Event{event}}:
		default:
		}
	}
}

func checkRangeRequest(r *pb.RangeRequest) error {
	if err := checkRange(r.GetKey(), r.GetRangeEnd()); err != nil {
		return err
	}
	if r.Limit < 0 {
		return invalid("limit must not be negative")
	}
	if _, known := pb.RangeRequest_SortOrder_name[int32(r.SortOrder)]; !known {
		return invalid("sort_order is unknown")
	}
	return nil
}

func (s *server) doRange(r *pb.RangeRequest) *pb.RangeResponse {
	found := s.find(r.Key, r.RangeEnd)
	response := &pb.RangeResponse{Header: s.header(), Count: int64(len(found))}
	if r.CountOnly {
		return response
	}
	if r.SortOrder == pb.RangeRequest_DESCEND {
		for i, j := 0, len(found)-1; i < j; i, j = i+1, j-1 {
			found[i], found[j] = found[j], found[i]
		}
	}
	if r.Limit > 0 && int64(len(found)) > r.Limit {
		found = found[:r.Limit]
		response.More = true
	}
	for _, kv := range found {
		shown := clone(kv)
		if r.KeysOnly {
			shown.Value = nil
		}
		response.Kvs = append(response.Kvs, shown)
	}
	return response
}

func (s *server) checkPut(r *pb.PutRequest) error {
	if err := checkKey(r.GetKey()); err != nil {
		return err
	}
	if len(r.Value) > longestValue {
		return invalid("value is longer than %d bytes", longestValue)
	}
	if r.IgnoreValue && len(r.Value) > 0 {
		return invalid("value is provided")
	}
	if r.Lease < 0 {
		return invalid("lease must not be negative")
	}
	return nil
}

func (s *server) mayPut(r *pb.PutRequest) error {
	if r.Lease != 0 && s.leases[r.Lease] == nil {
		return status.Error(codes.NotFound, "requested lease not found")
	}
	if r.IgnoreValue && s.keys[string(r.Key)] == nil {
		return status.Error(codes.NotFound, "key not found")
	}
	return nil
}

func (s *server) doPut(r *pb.PutRequest) *pb.PutResponse {
	key := string(r.Key)
	before := s.keys[key]
	s.revision++
	kv := &pb.KeyValue{Key: r.Key, CreateRevision: s.revision, ModRevision: s.revision, Version: 1, Value: r.Value, Lease: r.Lease}
	response := &pb.PutResponse{}
	if before != nil {
		kv.CreateRevision = before.CreateRevision
		kv.Version = before.Version + 1
		if r.IgnoreValue {
			kv.Value = before.Value
		}
		if holder := s.leases[before.Lease]; holder != nil {
			delete(holder.keys, key)
		}
		if r.PrevKv {
			response.PrevKv = clone(before)
		}
	}
	if holder := s.leases[r.Lease]; holder != nil {
		holder.keys[key] = true
	}
	s.keys[key] = kv
	s.tell(pb.Event_PUT, kv)
	response.Header = s.header()
	return response
}

func (s *server) doDelete(r *pb.DeleteRangeRequest) *pb.DeleteRangeResponse {
	found := s.find(r.Key, r.RangeEnd)
	response := &pb.DeleteRangeResponse{Deleted: int64(len(found))}
	if len(found) > 0 {
		s.revision++
	}
	for _, kv := range found {
		delete(s.keys, string(kv.Key))
		if holder := s.leases[kv.Lease]; holder != nil {
			delete(holder.keys, string(kv.Key))
		}
		if r.PrevKv {
			response.PrevKvs = append(response.PrevKvs, clone(kv))
		}
		s.tell(pb.Event_DELETE, &pb.KeyValue{Key: kv.Key, ModRevision: s.revision})
	}
	response.Header = s.header()
	return response
}

func (s *server) Range(_ context.Context, r *pb.RangeRequest) (*pb.RangeResponse, error) {
	if err := checkRangeRequest(r); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.doRange(r), nil
}

func (s *server) Put(_ context.Context, r *pb.PutRequest) (*pb.PutResponse, error) {
	if err := s.checkPut(r); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.mayPut(r); err != nil {
		return nil, err
	}
	return s.doPut(r), nil
}

func (s *server) DeleteRange(_ context.Context, r *pb.DeleteRangeRequest) (*pb.DeleteRangeResponse, error) {
	if err := checkRange(r.Key, r.RangeEnd); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.doDelete(r), nil
}

func (s *server) checkOps(ops []*pb.RequestOp) error {
	if len(ops) > mostOps {
		return invalid("too many operations in txn request")
	}
	put := map[string]bool{}
	for _, op := range ops {
		var err error
		switch one := op.Request.(type) {
		case *pb.RequestOp_Range:
			err = checkRangeRequest(one.Range)
		case *pb.RequestOp_Put:
			if err = s.checkPut(one.Put); err == nil && put[string(one.Put.Key)] {
				err = invalid("duplicate key given in txn request")
			}
			put[string(one.Put.GetKey())] = true
		case *pb.RequestOp_DeleteRange:
			err = checkRange(one.DeleteRange.GetKey(), one.DeleteRange.GetRangeEnd())
		default:
			err = invalid("an operation of the txn request is empty")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func compareNumbers(one, other int64) int {
	switch {
	case one < other:
		return -1
	case one > other:
		return 1
	}
	return 0
}

func (s *server) holds(c *pb.Compare) bool {
	kv := s.keys[string(c.Key)]
	if kv == nil {
		kv = &pb.KeyValue{}
	}
	order := 0
	switch target := c.Target.(type) {
	case *pb.Compare_Version:
		order = compareNumbers(kv.Version, target.Version)
	case *pb.Compare_ModRevision:
		order = compareNumbers(kv.ModRevision, target.ModRevision)
	case *pb.Compare_Value:
		order = bytes.Compare(kv.Value, target.Value)
	}
	switch c.Operator {
	case pb.Compare_GREATER:
		return order > 0
	case pb.Compare_LESS:
		return order < 0
	case pb.Compare_NOT_EQUAL:
		return order != 0
	}
	return order == 0
}

func (s *server) Txn(_ context.Context, r *pb.TxnRequest) (*pb.TxnResponse, error) {
	if len(r.Compare) > mostOps {
		return nil, invalid("too many comparisons in txn request")
	}
	for _, c := range r.Compare {
		if err := checkKey(c.Key); err != nil {
			return nil, err
		}
		if c.Target == nil {
			return nil, invalid("a comparison has no target")
		}
		if _, known := pb.Compare_Operator_name[int32(c.Operator)]; !known {
			return nil, invalid("a comparison has an unknown operator")
		}
	}
	for _, ops := range [][]*pb.RequestOp{r.Success, r.Failure} {
		if err := s.checkOps(ops); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	response := &pb.TxnResponse{Succeeded: true}
	for _, c := range r.Compare {
		response.Succeeded = response.Succeeded && s.holds(c)
	}
	ops := r.Success
	if !response.Succeeded {
		ops = r.Failure
	}
	for _, op := range ops {
		if put := op.GetPut(); put != nil {
			if err := s.mayPut(put); err != nil {
				return nil, err
			}
		}
	}
	for _, op := range ops {
		switch one := op.Request.(type) {
		case *pb.RequestOp_Range:
			response.Responses = append(response.Responses, &pb.ResponseOp{Response: &pb.ResponseOp_Range{Range: s.doRange(one.Range)}})
		case *pb.RequestOp_Put:
			response.Responses = append(response.Responses, &pb.ResponseOp{Response: &pb.ResponseOp_Put{Put: s.doPut(one.Put)}})
		case *pb.RequestOp_DeleteRange:
			response.Responses = append(response.Responses, &pb.ResponseOp{Response: &pb.ResponseOp_DeleteRange{DeleteRange: s.doDelete(one.DeleteRange)}})
		}
	}
	response.Header = s.header()
	return response, nil
}

func (s *server) Compact(_ context.Context, r *pb.CompactRequest) (*pb.CompactResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Revision <= s.compacted {
		return nil, status.Error(codes.OutOfRange, "required revision has been compacted")
	}
	if r.Revision > s.revision {
		return nil, status.Error(codes.OutOfRange, "required revision is a future revision")
	}
	s.compacted = r.Revision
	return &pb.CompactResponse{Header: s.header()}, nil
}

func (s *server) Grant(_ context.Context, r *pb.GrantRequest) (*pb.GrantResponse, error) {
	if r.Ttl < 1 || r.Ttl > longestTTL {
		return nil, status.Errorf(codes.OutOfRange, "ttl must be from 1 to %d", longestTTL)
	}
	if r.Id < 0 {
		return nil, invalid("id must not be negative")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := r.Id
	for id == 0 || (r.Id == 0 && s.leases[id] != nil) {
		id = rand.Int64()
	}
	if s.leases[id] != nil {
		return nil, status.Error(codes.AlreadyExists, "lease already exists")
	}
	s.leases[id] = &lease{granted: r.Ttl, until: time.Now().Add(time.Duration(r.Ttl) * time.Second), keys: map[string]bool{}}
	return &pb.GrantResponse{Header: s.header(), Id: id, Ttl: r.Ttl}, nil
}

func (s *server) lease(id int64) (*lease, error) {
	held := s.leases[id]
	if held == nil {
		return nil, status.Error(codes.NotFound, "requested lease not found")
	}
	return held, nil
}

func (s *server) Revoke(_ context.Context, r *pb.RevokeRequest) (*pb.RevokeResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	held, err := s.lease(r.Id)
	if err != nil {
		return nil, err
	}
	for key := range held.keys {
		s.doDelete(&pb.DeleteRangeRequest{Key: []byte(key)})
	}
	delete(s.leases, r.Id)
	return &pb.RevokeResponse{Header: s.header()}, nil
}

func (s *server) TimeToLive(_ context.Context, r *pb.TimeToLiveRequest) (*pb.TimeToLiveResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	held, err := s.lease(r.Id)
	if err != nil {
		return nil, err
	}
	left := int64(time.Until(held.until) / time.Second)
	response := &pb.TimeToLiveResponse{Header: s.header(), Id: r.Id, Ttl: max(left, 0), GrantedTtl: held.granted}
	if r.Keys {
		for key := range held.keys {
			response.Keys = append(response.Keys, []byte(key))
		}
		sort.Slice(response.Keys, func(i, j int) bool { return bytes.Compare(response.Keys[i], response.Keys[j]) < 0 })
	}
	return response, nil
}

func (s *server) keepAlive(id int64) *pb.KeepAliveResponse {
	s.mu.Lock()
	defer s.mu.Unlock()
	response := &pb.KeepAliveResponse{Header: s.header(), Id: id}
	if held := s.leases[id]; held != nil {
		held.until = time.Now().Add(time.Duration(held.granted) * time.Second)
		response.Ttl = held.granted
	}
	return response
}

func (s *server) KeepAlive(stream pb.Lease_KeepAliveServer) error {
	for {
		request, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(s.keepAlive(request.Id)); err != nil {
			return err
		}
	}
}

func (s *server) Watch(stream pb.Watch_WatchServer) error {
	events := make(chan *pb.WatchResponse, 1000)
	own := map[int64]*watcher{}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, w := range own {
			delete(s.watchers, w)
		}
	}()
	requests := make(chan *pb.WatchRequest)
	ended := make(chan error, 1)
	go func() {
		for {
			request, err := stream.Recv()
			if err != nil {
				ended <- err
				return
			}
			select {
			case requests <- request:
			case <-stream.Context().Done():
				return
			}
		}
	}()
	var last int64
	for {
		select {
		case response := <-events:
			if err := stream.Send(response); err != nil {
				return err
			}
		case request := <-requests:
			response, err := s.change(request, own, &last, events)
			if err != nil {
				return err
			}
			if err := stream.Send(response); err != nil {
				return err
			}
		case err := <-ended:
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}

func (s *server) change(r *pb.WatchRequest, own map[int64]*watcher, last *int64, events chan *pb.WatchResponse) (*pb.WatchResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch one := r.Request.(type) {
	case *pb.WatchRequest_Create:
		if err := checkRange(one.Create.GetKey(), one.Create.GetRangeEnd()); err != nil {
			return nil, err
		}
		if len(own) >= 100 {
			return nil, status.Error(codes.ResourceExhausted, "too many watches in one stream")
		}
		*last++
		w := &watcher{id: *last, key: one.Create.Key, end: one.Create.RangeEnd, events: events}
		own[w.id] = w
		s.watchers[w] = true
		return &pb.WatchResponse{Header: s.header(), WatchId: w.id, Created: true}, nil
	case *pb.WatchRequest_Cancel:
		w := own[one.Cancel.GetWatchId()]
		if w == nil {
			return nil, status.Error(codes.NotFound, "there is no such watch in this stream")
		}
		delete(own, w.id)
		delete(s.watchers, w)
		return &pb.WatchResponse{Header: s.header(), WatchId: w.id, Canceled: true}, nil
	}
	return nil, invalid("a watch is to be created or canceled")
}

func main() {
	address := flag.String("listen", "127.0.0.1:0", "where to listen")
	flag.Parse()
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	s := &server{
		revision: 1, keys: map[string]*pb.KeyValue{}, leases: map[int64]*lease{}, watchers: map[*watcher]bool{},
	}
	g := grpc.NewServer()
	pb.RegisterKVServer(g, s)
	pb.RegisterLeaseServer(g, s)
	pb.RegisterWatchServer(g, s)
	h := health.NewServer()
	for _, name := range []string{"", "keyvalue.v3.KV", "keyvalue.v3.Lease", "keyvalue.v3.Watch"} {
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
