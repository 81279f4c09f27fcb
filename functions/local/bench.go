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

	"meibo/shared/trial"
)

// measured is what bench prints with --json: a trial's result and what was measured beside it.
type measured struct {
	trial.Result
	ZipBytes           int64   `json:"zip_bytes"`
	InitMS             float64 `json:"init_ms"`
	PlanPairsPerSecond float64 `json:"plan_pairs_per_second"`
}

// bench measures: a first sync, a quiet run and some changes with the stand-ins in a process of their own, the planner by itself,
// and the worker as it is built for Lambda.
func bench(ctx context.Context, args []string, out, errs io.Writer) error {
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(errs)
	pair := fs.String("pair", trial.Pair, "the CRM and the address book")
	records := fs.Int("records", 10_000, "how many people to make up")
	seed := fs.Int64("seed", 1, "chooses the people and what happens to them")
	asJSON := fs.Bool("json", false, "print one JSON object instead of a report")
	lambda := fs.Bool("lambda", true, "build the worker for Lambda and measure it; needs the Go command and Meibo's source")
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
	folder, err := os.MkdirTemp("", "meibo-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	o := trial.Options{Records: *records, Seed: *seed, Folder: filepath.Join(folder, "data"), Sandbox: []string{self, "sandbox"}, NoLimits: *records > 20_000,
		Steps: []string{trial.StepFirst, trial.StepSettle, trial.StepQuiet, trial.StepChanges}, Changes: 50}
	if err := os.Mkdir(o.Folder, 0o700); err != nil {
		return err
	}
	if !*asJSON {
		o.Report = &printer{out: out, live: isTerminal(out)}
	}
	var m measured
	if m.Result, err = trial.Run(ctx, o); err != nil {
		return err
	}
	m.PlanPairsPerSecond = trial.PlanRate(*seed)
	if *lambda {
		if m.ZipBytes, m.InitMS, err = worker(ctx, folder); err != nil {
			return err
		}
	}
	if *asJSON {
		err = json.NewEncoder(out).Encode(m)
	} else {
		printResult(out, m.Result, "Meibo")
		fmt.Fprintf(out, "planner: %.0f pairs a second on one core\n", m.PlanPairsPerSecond)
		if *lambda {
			fmt.Fprintf(out, "syncworker for Lambda: zip %.1f MB, ready for its first message after %.0f ms\n", float64(m.ZipBytes)/1e6, m.InitMS)
		}
	}
	if err == nil && !m.Converged {
		return errDiffer
	}
	return err
}

// worker builds the sync worker as Lambda runs it and returns the size of its package, and how long a build for this machine
// takes from its start until it asks Lambda for its first event.
func worker(ctx context.Context, folder string) (int64, float64, error) {
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
	cmd.Env = append(os.Environ(), "AWS_LAMBDA_RUNTIME_API="+l.Addr().String(), "AWS_REGION=ap-northeast-1", "AWS_ACCESS_KEY_ID=none",
		"AWS_SECRET_ACCESS_KEY=none", "MEIBO_TABLE=meibo", "MEIBO_QUEUE_URL=http://127.0.0.1/queue.fifo", "MEIBO_KEY_ID=alias/meibo",
		"MEIBO_SCHEDULE_GROUP=meibo", "MEIBO_SCHEDULE_ROLE_ARN=arn:aws:iam::123456789012:role/meibo", "MEIBO_QUEUE_ARN=arn:aws:sqs:ap-northeast-1:123456789012:queue.fifo",
		"MEIBO_TENANTSYNC_ARN=arn:aws:lambda:ap-northeast-1:123456789012:function:tenantsync",
		"MEIBO_GOOGLE_CLIENT_SECRET_ARN=arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:google",
		"MEIBO_ZOHO_CLIENT_SECRET_ARN=arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:zoho", "MEIBO_PUBLIC_URL=https://meibo.example.com")
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
