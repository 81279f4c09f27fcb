package sqs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"meibo/shared/clock"
	"meibo/shared/queue"
	"meibo/shared/queue/queuetest"
	"meibo/shared/queue/sqs"
)

func client(endpoint string) *awssqs.Client {
	return awssqs.New(awssqs.Options{
		BaseEndpoint: &endpoint, Region: "ap-northeast-1",
		Credentials:                      aws.NewCredentialsCache(credentials.NewStaticCredentialsProvider("local", "local", "")),
		DisableMessageChecksumValidation: true, // the scripted server below has none
	})
}

// TestQueue runs the suite on an SQS-compatible server, with a poller that does what Lambda's event source mapping does.
func TestQueue(t *testing.T) {
	endpoint := os.Getenv("MEIBO_SQS_ENDPOINT")
	if endpoint == "" {
		t.Skip("MEIBO_SQS_ENDPOINT is not set: start an SQS-compatible server and set it to the address, such as http://127.0.0.1:9324")
	}
	api := client(endpoint)
	var queues atomic.Int32
	const visibility, receives = time.Second, 2
	queuetest.Run(t, func(t *testing.T) queuetest.Fixture {
		name := fmt.Sprintf("meibo-test-%d-%d", os.Getpid(), queues.Add(1))
		dead := create(t, api, name+"-dead.fifo", nil)
		arn, err := api.GetQueueAttributes(t.Context(), &awssqs.GetQueueAttributesInput{QueueUrl: &dead, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn}})
		if err != nil {
			t.Fatal(err)
		}
		url := create(t, api, name+".fifo", map[string]string{
			"VisibilityTimeout": "1",
			"RedrivePolicy":     fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":"%d"}`, arn.Attributes["QueueArn"], receives),
		})
		return queuetest.Fixture{
			Sender: sqs.New(api, url, clock.Real{}), Visibility: visibility, MaxReceives: receives,
			SmallRequests: true, LateDelete: true, // ElasticMQ's ways
			Advance: func(d time.Duration) { _ = clock.Real{}.Sleep(t.Context(), d+100*time.Millisecond) },
			Deliver: func(ctx context.Context, h queue.Handler) (bool, error) { return deliver(ctx, api, url, h) },
			Dead: func(t *testing.T) (out []queue.Message) {
				for {
					ok, err := deliver(t.Context(), api, dead, func(_ context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
						out = append(out, queue.Message{Group: e.Records[0].Attributes["MessageGroupId"], Body: []byte(e.Records[0].Body)})
						return events.SQSEventResponse{}, nil
					})
					if err != nil {
						t.Fatal(err)
					}
					if !ok {
						return out
					}
				}
			},
		}
	})
}

func create(t *testing.T, api *awssqs.Client, name string, attributes map[string]string) (url string) {
	t.Helper()
	all := map[string]string{"FifoQueue": "true", "ContentBasedDeduplication": "false"}
	for k, v := range attributes {
		all[k] = v
	}
	out, err := api.CreateQueue(t.Context(), &awssqs.CreateQueueInput{QueueName: &name, Attributes: all})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := api.DeleteQueue(context.Background(), &awssqs.DeleteQueueInput{QueueUrl: out.QueueUrl}); err != nil {
			t.Errorf("delete the queue: %v", err)
		}
	})
	return *out.QueueUrl
}

func deliver(ctx context.Context, api *awssqs.Client, url string, h queue.Handler) (bool, error) {
	in := &awssqs.ReceiveMessageInput{
		QueueUrl: &url, MaxNumberOfMessages: 1, MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	}
	out, err := api.ReceiveMessage(ctx, in)
	if err == nil && len(out.Messages) == 0 {
		out, err = api.ReceiveMessage(ctx, in) // the first may only have moved a message to the dead letters
	}
	if err != nil || len(out.Messages) == 0 {
		return false, err
	}
	m := out.Messages[0]
	answer, err := h(ctx, events.SQSEvent{Records: []events.SQSMessage{{
		MessageId: *m.MessageId, ReceiptHandle: *m.ReceiptHandle, Body: *m.Body, Md5OfBody: *m.MD5OfBody, Attributes: m.Attributes,
		EventSource: "aws:sqs", EventSourceARN: url,
	}}})
	if err != nil || len(answer.BatchItemFailures) > 0 {
		return true, err
	}
	// A receipt whose time is up is refused; the message comes again.
	_, _ = api.DeleteMessage(ctx, &awssqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle})
	return true, nil
}

type answer struct {
	status int // 0 cuts the connection
	body   string
}

// scripted returns a sender to a server that gives the answers in turn, and the deduplication ids of each request.
func scripted(t *testing.T, answers ...answer) (*sqs.Sender, *[][]string, *clock.Virtual) {
	t.Helper()
	var got [][]string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var req struct {
			Entries []struct{ MessageDeduplicationId string }
		}
		raw, err := io.ReadAll(r.Body)
		if err != nil || json.Unmarshal(raw, &req) != nil {
			t.Errorf("read the request: %v", err)
		}
		var ids []string
		for _, e := range req.Entries {
			ids = append(ids, e.MessageDeduplicationId)
		}
		got = append(got, ids)
		if len(got) > len(answers) {
			t.Errorf("request %d has no answer", len(got))
			return
		}
		a := answers[len(got)-1]
		if a.status == 0 {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(a.status)
		io.WriteString(w, a.body)
	}))
	t.Cleanup(srv.Close)
	clk := clock.NewVirtual(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), true)
	return sqs.New(client(srv.URL), srv.URL+"/000000000000/q.fifo", clk), &got, clk
}

func messages(n int) (ms []queue.Message) {
	for i := range n {
		ms = append(ms, queue.Message{Group: "g", Dedup: fmt.Sprint("d", i), Body: []byte("x")})
	}
	return ms
}

func failed(entries ...string) answer {
	return answer{200, `{"Successful":[],"Failed":[` + strings.Join(entries, ",") + `]}`}
}

var (
	ok       = answer{200, `{"Successful":[]}`}
	cut      = answer{}
	throttle = answer{400, `{"__type":"com.amazonaws.sqs#RequestThrottled","message":"m"}`}
	broken   = answer{500, `{"__type":"InternalFailure","message":"m"}`}
)

func TestSend(t *testing.T) {
	busy := func(i int) string {
		return fmt.Sprintf(`{"Id":"%d","SenderFault":false,"Code":"InternalError"}`, i)
	}
	t.Run("sends ten at a time", func(t *testing.T) {
		s, got, _ := scripted(t, ok, ok, ok)
		if err := s.Send(t.Context(), messages(23)...); err != nil {
			t.Fatal(err)
		}
		if n := []int{len((*got)[0]), len((*got)[1]), len((*got)[2])}; !slices.Equal(n, []int{10, 10, 3}) {
			t.Errorf("got requests of %v", n)
		}
	})
	t.Run("sends no more bytes at a time than a request takes", func(t *testing.T) {
		ms := messages(4)
		for i, n := range []int{queue.MaxBody, 1, queue.MaxBody - 1, 1} {
			ms[i].Body = []byte(strings.Repeat("x", n))
		}
		s, got, _ := scripted(t, ok, ok, ok)
		if err := s.Send(t.Context(), ms...); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(*got) != "[[d0] [d1 d2] [d3]]" {
			t.Errorf("got requests of %v", *got)
		}
	})
	t.Run("sends only the failed ones again, after a pause", func(t *testing.T) {
		s, got, clk := scripted(t, failed(busy(0), busy(2)), failed(busy(1)), ok)
		before := clk.Now()
		if err := s.Send(t.Context(), messages(4)...); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(*got) != "[[d0 d1 d2 d3] [d0 d2] [d2]]" {
			t.Errorf("got requests of %v", *got)
		}
		if !clk.Now().After(before) {
			t.Error("it did not wait")
		}
	})
	t.Run("goes through throttling, a broken server and a cut connection", func(t *testing.T) {
		s, _, _ := scripted(t, throttle, broken, cut, ok)
		if err := s.Send(t.Context(), messages(1)...); err != nil {
			t.Errorf("got %v", err)
		}
	})
	for name, answers := range map[string][]answer{
		"gives up when messages keep failing":           slices.Repeat([]answer{failed(busy(0))}, 6),
		"gives up when the server stays busy":           slices.Repeat([]answer{throttle}, 6),
		"does not repeat what is its own fault":         {failed(`{"Id":"0","SenderFault":true,"Code":"InvalidMessageContents"}`)},
		"does not repeat a request that is not allowed": {{403, `{"__type":"AccessDeniedException","message":"m"}`}},
		"does not trust an answer for an unknown entry": {failed(busy(7))},
	} {
		t.Run(name, func(t *testing.T) {
			s, got, _ := scripted(t, answers...)
			if err := s.Send(t.Context(), messages(1)...); err == nil || len(*got) != len(answers) {
				t.Errorf("got %v after %d requests, want an error after %d", err, len(*got), len(answers))
			}
		})
	}
	t.Run("sends nothing when one of the messages is invalid", func(t *testing.T) {
		s, got, _ := scripted(t)
		if err := s.Send(t.Context(), append(messages(12), queue.Message{})...); !errors.Is(err, queue.ErrInvalid) || len(*got) != 0 {
			t.Errorf("got %v after %d requests", err, len(*got))
		}
	})
}
