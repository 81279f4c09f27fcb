package dynamo_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/store"
	"meibo/shared/store/dynamo"
)

func contextWithoutEnd() context.Context { return context.Background() }

// answer is what the scripted server says to one request. Status 0 cuts the connection.
type answer struct {
	status int
	body   string
}

type request struct {
	op   string // such as PutItem
	body map[string]any
}

// scripted returns a table on a server that gives the answers in turn, the requests that it got, and the table's clock.
func scripted(t *testing.T, answers ...answer) (store.Table, *[]request, *clock.Virtual) {
	t.Helper()
	var got []request
	var mu sync.Mutex // a request that was cut off may still be running when its repetition comes
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read the request: %v", err)
		}
		req := request{op: strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "DynamoDB_20120810.")}
		if err := json.Unmarshal(raw, &req.body); err != nil {
			t.Errorf("parse the request: %v", err)
		}
		mu.Lock()
		got = append(got, req)
		n := len(got)
		mu.Unlock()
		if n > len(answers) {
			t.Errorf("request %d (%s) has no answer", n, req.op)
			w.WriteHeader(http.StatusTeapot)
			return
		}
		a := answers[n-1]
		if a.status == 0 {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(a.status)
		io.WriteString(w, a.body)
	}))
	t.Cleanup(srv.Close)
	clk := clock.NewVirtual(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), true)
	t.Cleanup(func() {
		if len(got) < len(answers) {
			t.Errorf("got %d requests, want %d", len(got), len(answers))
		}
	})
	return dynamo.New(client(srv.URL), "t", clk), &got, clk
}

func fault(name string, more ...string) answer {
	return answer{400, fmt.Sprintf(`{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"m"%s}`, name, strings.Join(more, ""))}
}

func cancelled(codes ...string) answer {
	reasons := make([]string, len(codes))
	for i, c := range codes {
		reasons[i] = fmt.Sprintf(`{"Code":%q}`, c)
	}
	return fault("TransactionCanceledException", `,"CancellationReasons":[`+strings.Join(reasons, ",")+`]`)
}

var (
	ok       = answer{200, `{}`}
	cut      = answer{}
	broken   = answer{500, `{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"m"}`}
	throttle = fault("ProvisionedThroughputExceededException")
)

func item(sk string) store.Item {
	return store.Item{Key: store.Key{PK: "p", SK: sk}, V: 2, Body: []byte("b")}
}

const stored = `{"pk":{"S":"p"},"sk":{"S":"s"},"v":{"N":"2"},"f":{"N":"0"},"b":{"B":"Yg=="}}`
const another = `{"pk":{"S":"p"},"sk":{"S":"s"},"v":{"N":"2"},"f":{"N":"0"},"b":{"B":"eA=="}}`

func repeat(a answer, n int) []answer { return slices.Repeat([]answer{a}, n) }

func TestOutcomes(t *testing.T) {
	put := func(t store.Table, ctx context.Context) error { return t.Write(ctx, store.Put(item("s"), store.At(1))) }
	del := func(t store.Table, ctx context.Context) error {
		return t.Write(ctx, store.Delete(item("s").Key, store.At(1)))
	}
	two := func(t store.Table, ctx context.Context) error {
		return t.Write(ctx, store.Check(item("z").Key, store.Cond{}), store.Put(item("s"), store.At(1)), store.Delete(item("u").Key, store.At(1)))
	}
	get := func(t store.Table, ctx context.Context) error { _, err := t.Get(ctx, item("s").Key); return err }
	condition := func(old string) answer {
		if old == "" {
			return fault("ConditionalCheckFailedException")
		}
		return fault("ConditionalCheckFailedException", `,"Item":`+old)
	}
	for _, c := range []struct {
		name    string
		do      func(store.Table, context.Context) error
		answers []answer
		failed  []int // ops whose conditions failed
		want    error
		other   bool // some other error
	}{
		{name: "a read goes through throttling", do: get, answers: []answer{throttle, fault("ThrottlingException"), fault("RequestLimitExceeded"), {200, `{"Item":` + stored + `}`}}},
		{name: "a read goes through a broken server and a cut connection", do: get, answers: []answer{broken, cut, {200, `{"Item":` + stored + `}`}}},
		{name: "a read throttled to the end says so", do: get, answers: repeat(throttle, 8), want: store.ErrThrottled},
		{name: "a refused request is not repeated", do: get, answers: []answer{fault("ValidationException")}, other: true},
		{name: "a put goes through throttling", do: put, answers: []answer{throttle, ok}},
		{name: "a put goes through another transaction", do: put, answers: []answer{fault("TransactionConflictException"), ok}},
		{name: "a put held up by transactions to the end says so", do: put, answers: repeat(fault("TransactionConflictException"), 8), want: store.ErrContention},
		{name: "a put's condition", do: put, answers: []answer{condition(stored)}, failed: []int{0}},
		{name: "a put's condition after throttling, on an equal item", do: put, answers: []answer{throttle, condition(stored)}, failed: []int{0}},
		{name: "a put that finds its own lost attempt is done", do: put, answers: []answer{cut, condition(stored)}},
		{name: "a put that finds something else after a lost attempt", do: put, answers: []answer{broken, condition(another)}, failed: []int{0}},
		{name: "a put in doubt to the end does not say that nothing was written", do: put, answers: append([]answer{broken}, repeat(throttle, 7)...), other: true},
		{name: "a delete's condition", do: del, answers: []answer{condition("")}, failed: []int{0}},
		{name: "a delete that finds nothing after a lost attempt is done", do: del, answers: []answer{cut, condition("")}},
		{name: "a delete that finds another version after a lost attempt", do: del, answers: []answer{cut, condition(another)}, failed: []int{0}},
		{name: "a transaction's conditions, by the caller's indexes", do: two, answers: []answer{cancelled("None", "ConditionalCheckFailed")}, failed: []int{2}},
		{name: "a transaction whose condition fails beside a conflict", do: two, answers: []answer{cancelled("ConditionalCheckFailed", "TransactionConflict")}, failed: []int{1}},
		{name: "a transaction goes through conflicts and throttling", do: two, answers: []answer{cancelled("TransactionConflict", "None"), cancelled("ThrottlingError", "None"), fault("TransactionInProgressException"), ok}},
		{name: "a transaction in conflict to the end says so", do: two, answers: repeat(cancelled("TransactionConflict", "ThrottlingError"), 8), want: store.ErrContention},
		{name: "a transaction throttled to the end says so", do: two, answers: repeat(cancelled("None", "ProvisionedThroughputExceeded"), 8), want: store.ErrThrottled},
	} {
		t.Run(c.name, func(t *testing.T) {
			tab, _, _ := scripted(t, c.answers...)
			err := c.do(tab, t.Context())
			failed, refused := store.Refused(err)
			switch {
			case c.failed != nil:
				if !slices.Equal(failed, c.failed) {
					t.Errorf("got %v, want the condition of %v refused", err, c.failed)
				}
			case c.want != nil:
				if !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
			case c.other:
				if err == nil || refused || store.Retry(err) {
					t.Errorf("got %v, want an error that promises nothing", err)
				}
			case err != nil:
				t.Errorf("got %v, want none", err)
			}
		})
	}
}

func TestRequests(t *testing.T) {
	t.Run("a transaction keeps its token after a lost answer and takes a new one after a cancellation", func(t *testing.T) {
		tab, got, _ := scripted(t, cut, broken, cancelled("TransactionConflict", "None"), ok)
		if err := tab.Write(t.Context(), store.Put(item("a"), store.Cond{}), store.Put(item("b"), store.Cond{})); err != nil {
			t.Fatal(err)
		}
		var tokens []any
		for _, r := range *got {
			tokens = append(tokens, r.body["ClientRequestToken"])
		}
		if tokens[0] == "" || tokens[0] != tokens[1] || tokens[1] != tokens[2] || tokens[2] == tokens[3] {
			t.Errorf("got tokens %v", tokens)
		}
	})
	t.Run("two transactions have different tokens", func(t *testing.T) {
		tab, got, _ := scripted(t, ok, ok)
		for range 2 {
			if err := tab.Write(t.Context(), store.Put(item("a"), store.Cond{}), store.Put(item("b"), store.Cond{})); err != nil {
				t.Fatal(err)
			}
		}
		if a, b := (*got)[0].body["ClientRequestToken"], (*got)[1].body["ClientRequestToken"]; a == b {
			t.Errorf("got %v twice", a)
		}
	})
	t.Run("every read is consistent", func(t *testing.T) {
		tab, got, _ := scripted(t, ok, ok, ok)
		if _, err := tab.Get(t.Context(), item("s").Key); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("got %v", err)
		}
		if _, err := tab.Query(t.Context(), store.Query{PK: "p"}); err != nil {
			t.Error(err)
		}
		if _, err := tab.BatchGet(t.Context(), []store.Key{item("s").Key}); err != nil {
			t.Error(err)
		}
		batch := (*got)[2].body["RequestItems"].(map[string]any)["t"].(map[string]any)
		for i, m := range []map[string]any{(*got)[0].body, (*got)[1].body, batch} {
			if m["ConsistentRead"] != true {
				t.Errorf("request %d: got ConsistentRead %v", i, m["ConsistentRead"])
			}
		}
	})
	t.Run("keys that a batch get leaves are asked for again, after a pause", func(t *testing.T) {
		tab, got, clk := scripted(t,
			answer{200, `{"Responses":{"t":[` + stored + `]},"UnprocessedKeys":{"t":{"ConsistentRead":true,"Keys":[{"pk":{"S":"p"},"sk":{"S":"y"}}]}}}`},
			answer{200, `{"Responses":{"t":[` + strings.Replace(stored, `"S":"s"`, `"S":"y"`, 1) + `]}}`})
		before := clk.Now()
		its, err := tab.BatchGet(t.Context(), []store.Key{item("s").Key, item("y").Key})
		if err != nil || len(its) != 2 || its[1].SK != "y" {
			t.Errorf("got %v, %v", its, err)
		}
		again := (*got)[1].body["RequestItems"].(map[string]any)["t"].(map[string]any)
		if len(again["Keys"].([]any)) != 1 || again["ConsistentRead"] != true {
			t.Errorf("the second request asks for %v", again)
		}
		if !clk.Now().After(before) {
			t.Error("the second request did not wait")
		}
	})
	t.Run("writes that a bulk write leaves are sent again until they are done", func(t *testing.T) {
		left := answer{200, `{"UnprocessedItems":{"t":[{"DeleteRequest":{"Key":{"pk":{"S":"p"},"sk":{"S":"y"}}}}]}}`}
		tab, got, _ := scripted(t, left, left, ok)
		if err := tab.Bulk(t.Context(), []store.Item{item("s")}, []store.Key{item("y").Key}); err != nil {
			t.Fatal(err)
		}
		for i, want := range []int{2, 1, 1} {
			if n := len((*got)[i].body["RequestItems"].(map[string]any)["t"].([]any)); n != want {
				t.Errorf("request %d: got %d writes, want %d", i, n, want)
			}
		}
	})
	t.Run("a bulk write that gets nowhere is throttled", func(t *testing.T) {
		left := answer{200, `{"UnprocessedItems":{"t":[{"DeleteRequest":{"Key":{"pk":{"S":"p"},"sk":{"S":"y"}}}}]}}`}
		tab, _, _ := scripted(t, repeat(left, 8)...)
		if err := tab.Bulk(t.Context(), nil, []store.Key{item("y").Key}); !errors.Is(err, store.ErrThrottled) {
			t.Errorf("got %v, want ErrThrottled", err)
		}
	})
	t.Run("time to live is whole seconds, never before the expiry", func(t *testing.T) {
		tab, got, clk := scripted(t, ok)
		it := item("s")
		it.Expires = clk.Now().Add(time.Hour + time.Nanosecond)
		if err := tab.Write(t.Context(), store.Put(it, store.Cond{})); err != nil {
			t.Fatal(err)
		}
		attrs := (*got)[0].body["Item"].(map[string]any)
		want := fmt.Sprint(it.Expires.Unix() + 1)
		if ttl := attrs["ttl"].(map[string]any)["N"]; ttl != want {
			t.Errorf("got ttl %v, want %v", ttl, want)
		}
	})
	t.Run("an item of another program is named as the trouble", func(t *testing.T) {
		for _, it := range []string{`{"pk":{"N":"1"},"sk":{"S":"s"}}`, `{"pk":{"S":"p"},"sk":{"S":"s"},"v":{"S":"x"}}`, `{"pk":{"S":"p"},"sk":{"S":"s"},"b":{"S":"x"}}`, `{"pk":{"S":"p"},"sk":{"S":"s"},"v":{"N":"1.5"}}`} {
			tab, _, _ := scripted(t, answer{200, `{"Item":` + it + `}`})
			if _, err := tab.Get(t.Context(), item("s").Key); err == nil || errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: got %v", it, err)
			}
		}
	})
	t.Run("an ended context ends the attempts", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		tab, _, _ := scripted(t)
		if err := tab.Write(ctx, store.Put(item("s"), store.Cond{})); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	})
}
