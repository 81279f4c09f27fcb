package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"meibo/shared/cloud"
	"meibo/shared/system"
	"meibo/shared/trial"
)

// measured is what bench prints with --json: a trial's result, or those of all pairs, and what was measured beside it.
type measured struct {
	*trial.Result
	Pairs              []trial.Result `json:"pairs,omitempty"`
	ZipBytes           int64          `json:"zip_bytes"`
	InitMS             float64        `json:"init_ms"`
	PlanPairsPerSecond float64        `json:"plan_pairs_per_second"`
}

// unlimitedFrom is from how many people on the vendors' limits are lifted: under them, Google's caps end a book of more than 25,000.
const unlimitedFrom = 20_001

// bench measures: a first sync, a quiet run and some changes with the stand-ins in a process of their own, the planner by itself,
// and the worker as it is built for Lambda. With --push it measures how soon pushed changes are on the other side instead.
func bench(ctx context.Context, args []string, out, errs io.Writer) error {
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(errs)
	pair := pairFlag(fs)
	records := fs.Int("records", 10_000, "how many people to make up")
	seed := fs.Int64("seed", 1, "chooses the people and what happens to them")
	asJSON := fs.Bool("json", false, "print one JSON object instead of a report")
	lambda := fs.Bool("lambda", true, "build the worker for Lambda and measure it; needs the Go command and Meibo's source")
	push := fs.Bool("push", false, "measure how soon a change at a vendor that pushes is on the other side, in the machine's time")
	if err := fs.Parse(args); err != nil {
		return usage(err)
	}
	if err := checkTrial(*pair, *records, fs.NArg()); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	o := trial.Options{Records: *records, Seed: *seed, Sandbox: []string{self, "sandbox"}, NoLimits: *records >= unlimitedFrom,
		Steps: []string{trial.StepFirst, trial.StepSettle, trial.StepQuiet, trial.StepChanges}, Changes: 50}
	if !*asJSON {
		o.Report = &printer{out: out, live: isTerminal(out)}
	}
	if *push {
		return benchPush(ctx, o, *asJSON, out)
	}
	results, err := trials(ctx, *pair, o, func(r trial.Result) {
		if !*asJSON {
			printResult(out, r, "Meibo")
		}
	})
	if err != nil {
		return err
	}
	m := measured{PlanPairsPerSecond: trial.PlanRate(*seed)}
	if *lambda {
		if m.ZipBytes, m.InitMS, err = worker(ctx); err != nil {
			return err
		}
	}
	if *asJSON {
		if m.Result = &results[0]; *pair == allPairs {
			m.Result, m.Pairs = nil, results
		}
		err = json.NewEncoder(out).Encode(m)
	} else {
		fmt.Fprintf(out, "planner: %.0f pairs a second on one core\n", m.PlanPairsPerSecond)
		if *lambda {
			fmt.Fprintf(out, "syncworker for Lambda: zip %.1f MB, ready for its first message after %.0f ms\n", float64(m.ZipBytes)/1e6, m.InitMS)
		}
	}
	if err != nil {
		return err
	}
	return agreed(results)
}

// worker builds the sync worker as Lambda runs it and returns the size of its package, and how long a build for this machine
// takes from its start until it asks Lambda for its first event.
func worker(ctx context.Context) (int64, float64, error) {
	folder, err := os.MkdirTemp("", "meibo-worker-")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(folder)
	build := func(arch, to string) error {
		cmd := exec.CommandContext(ctx, "go", "build", "-tags", "lambda.norpc", "-trimpath", "-ldflags", "-s -w", "-o", to, "meibo/functions/syncworker")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
		if arch != "" {
			cmd.Env = append(cmd.Env, "GOARCH="+arch)
		}
		if b, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("building the worker: %w: %s", err, bytes.TrimSpace(b))
		}
		return nil
	}
	bootstrap := filepath.Join(folder, "bootstrap")
	if err := build("arm64", bootstrap); err != nil {
		return 0, 0, err
	}
	size, err := zipped(bootstrap)
	if err != nil {
		return 0, 0, err
	}
	here := filepath.Join(folder, "here")
	if err := build("", here); err != nil {
		return size, 0, err
	}
	best := time.Duration(0)
	for range 3 {
		d, err := firstEvent(ctx, here)
		if err != nil {
			return size, 0, err
		}
		if best == 0 || d < best {
			best = d
		}
	}
	return size, float64(best.Microseconds()) / 1000, nil
}

func zipped(path string) (int64, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	w, err := z.Create("bootstrap")
	if err == nil {
		_, err = w.Write(b)
	}
	if err == nil {
		err = z.Close()
	}
	return int64(buf.Len()), err
}

// firstEvent starts the worker against a stand-in of Lambda's runtime API and waits until it asks for an event.
func firstEvent(ctx context.Context, path string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	asked := make(chan time.Time, 1)
	srv := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case asked <- time.Now():
		default:
		}
		<-r.Context().Done()
	})}
	go srv.Serve(l) //nolint:errcheck // it ends with Close
	defer srv.Close()
	cmd := exec.CommandContext(ctx, path)
	cmd.Env = append(append(os.Environ(), "AWS_LAMBDA_RUNTIME_API="+l.Addr().String()), workerEnv()...)
	var says bytes.Buffer
	cmd.Stderr = &says
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer cmd.Wait() //nolint:errcheck // it is ended here
	defer cancel()
	select {
	case at := <-asked:
		return at.Sub(began), nil
	case <-ctx.Done():
		return 0, fmt.Errorf("the worker did not ask for an event: %s", bytes.TrimSpace(says.Bytes()))
	}
}

// workerEnv are variables as template.yaml sets them. Nothing is ever called there.
func workerEnv() []string {
	const arn = "arn:aws:"
	env := []string{"AWS_REGION=ap-northeast-1", "AWS_ACCESS_KEY_ID=none", "AWS_SECRET_ACCESS_KEY=none", "MEIBO_TABLE=meibo",
		"MEIBO_QUEUE_URL=http://127.0.0.1/queue.fifo", "MEIBO_KEY_ID=alias/meibo", "MEIBO_SCHEDULE_GROUP=meibo",
		"MEIBO_SCHEDULE_ROLE_ARN=" + arn + "iam::123456789012:role/meibo", "MEIBO_QUEUE_ARN=" + arn + "sqs:ap-northeast-1:123456789012:queue.fifo",
		"MEIBO_TENANTSYNC_ARN=" + arn + "lambda:ap-northeast-1:123456789012:function:tenantsync", "MEIBO_PUBLIC_URL=https://meibo.example.com"}
	for _, id := range system.IDs() {
		env = append(env, cloud.SecretVariable(id)+"="+arn+"secretsmanager:ap-northeast-1:123456789012:secret:"+id)
	}
	return env
}
