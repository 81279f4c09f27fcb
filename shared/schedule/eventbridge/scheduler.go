// Package eventbridge keeps schedules in Amazon EventBridge Scheduler, through aws-sdk-go-v2: a rate schedule per tenant that
// invokes the tenantsync function, and one-time schedules that send a message to the sync queue and delete themselves. It
// imports schedule, queue, backoff and clock.
//
// One-time schedules call SQS's SendMessage as a universal target. The templated SQS target takes no deduplication id, and so
// would need content-based deduplication, which drops a message that says the same as one of five minutes ago.
package eventbridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"meibo/shared/backoff"
	"meibo/shared/clock"
	"meibo/shared/queue"
	"meibo/shared/schedule"
)

// Config says what the template made.
type Config struct {
	Group         string // of all schedules
	RoleARN       string // may invoke TenantSyncARN and send to QueueURL
	TenantSyncARN string // function that takes a schedule.TenantEvent
	QueueURL      string // FIFO queue
}

// Settings of the schedules.
const (
	// sendMessage is the universal target for SQS.
	sendMessage = "arn:aws:scheduler:::aws-sdk:sqs:sendMessage"
	// atForm is a time in an at expression.
	atForm = "2006-01-02T15:04:05"
	// soonest is how far ahead a one-time schedule is at least: one in the past would be refused or never fire.
	soonest = 10 * time.Second
	// tenantRetries is how often a failed invocation is repeated before the next turn takes its place.
	tenantRetries = 3
	// onceRetries and onceAge are the most that the service grants: a one-time message has no next turn.
	onceRetries = 185
	onceAge     = 24 * time.Hour
	// attempts is how often each request is sent at most.
	attempts = 6
)

// Scheduler is a schedule.Scheduler.
type Scheduler struct {
	api   *scheduler.Client
	c     Config
	clk   clock.Clock
	pause backoff.Policy
}

// New returns the scheduler. The clock is for one-time schedules in the past and for the pauses before a request is sent again.
func New(client *scheduler.Client, c Config, clk clock.Clock) *Scheduler {
	return &Scheduler{api: client, c: c, clk: clk, pause: backoff.Policy{Clock: clk}}
}

// EnsureTenant implements schedule.Scheduler. Invocations are spread over a part of the interval, so that the tenants do not all
// come at once.
func (s *Scheduler) EnsureTenant(ctx context.Context, tenant string, every time.Duration) error {
	every, err := schedule.Every(every)
	if err != nil {
		return err
	}
	if err := schedule.CheckName(tenant); err != nil {
		return err
	}
	input, err := json.Marshal(schedule.TenantEvent{Tenant: tenant})
	if err != nil {
		return err
	}
	return s.set(ctx, &scheduler.CreateScheduleInput{
		Name:               aws.String(name("tenant", tenant)),
		ScheduleExpression: aws.String(rate(every)),
		FlexibleTimeWindow: window(every),
		Target: &types.Target{
			Arn: &s.c.TenantSyncARN, RoleArn: &s.c.RoleARN, Input: aws.String(string(input)),
			RetryPolicy: &types.RetryPolicy{
				MaximumRetryAttempts:     aws.Int32(tenantRetries),
				MaximumEventAgeInSeconds: aws.Int32(int32(min(every, onceAge).Seconds())),
			},
		},
	})
}

// RemoveTenant implements schedule.Scheduler.
func (s *Scheduler) RemoveTenant(ctx context.Context, tenant string) error {
	if err := schedule.CheckName(tenant); err != nil {
		return err
	}
	err := s.do(ctx, func() error {
		_, err := s.api.DeleteSchedule(ctx, &scheduler.DeleteScheduleInput{Name: aws.String(name("tenant", tenant)), GroupName: &s.c.Group}, once)
		return err
	})
	var absent *types.ResourceNotFoundException
	if errors.As(err, &absent) {
		return nil
	}
	return wrap("delete", err)
}

// Once implements schedule.Scheduler. The service fires within a minute after at.
func (s *Scheduler) Once(ctx context.Context, id string, at time.Time, m queue.Message) error {
	if err := schedule.CheckOnce(id, at, m); err != nil {
		return err
	}
	if first := s.clk.Now().Add(soonest); at.Before(first) {
		at = first
	}
	at = at.UTC().Add(time.Second - 1).Truncate(time.Second) // never before
	input, err := json.Marshal(map[string]string{
		"QueueUrl": s.c.QueueURL, "MessageBody": string(m.Body), "MessageGroupId": m.Group, "MessageDeduplicationId": m.Dedup,
	})
	if err != nil {
		return err
	}
	return s.set(ctx, &scheduler.CreateScheduleInput{
		Name:                  aws.String(name("once", id)),
		ScheduleExpression:    aws.String("at(" + at.Format(atForm) + ")"),
		FlexibleTimeWindow:    &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff},
		ActionAfterCompletion: types.ActionAfterCompletionDelete,
		Target: &types.Target{
			Arn: aws.String(sendMessage), RoleArn: &s.c.RoleARN, Input: aws.String(string(input)),
			RetryPolicy: &types.RetryPolicy{
				MaximumRetryAttempts:     aws.Int32(onceRetries),
				MaximumEventAgeInSeconds: aws.Int32(int32(onceAge.Seconds())),
			},
		},
	})
}

// set makes the schedule, or changes the one that has its name.
func (s *Scheduler) set(ctx context.Context, in *scheduler.CreateScheduleInput) error {
	in.GroupName = &s.c.Group
	in.ScheduleExpressionTimezone = aws.String("UTC")
	in.State = types.ScheduleStateEnabled
	var (
		exists *types.ConflictException
		absent *types.ResourceNotFoundException
	)
	for range attempts {
		err := s.do(ctx, func() error { _, err := s.api.CreateSchedule(ctx, in, once); return err })
		if errors.As(err, &absent) {
			return fmt.Errorf("schedule: there is no schedule group %q: deploy the template first: %w", s.c.Group, err)
		}
		if !errors.As(err, &exists) {
			return wrap("create", err)
		}
		err = s.do(ctx, func() error {
			_, err := s.api.UpdateSchedule(ctx, &scheduler.UpdateScheduleInput{
				Name: in.Name, GroupName: in.GroupName, State: in.State, Target: in.Target,
				ScheduleExpression: in.ScheduleExpression, ScheduleExpressionTimezone: in.ScheduleExpressionTimezone,
				FlexibleTimeWindow: in.FlexibleTimeWindow, ActionAfterCompletion: in.ActionAfterCompletion,
			}, once)
			return err
		})
		// It may have fired and deleted itself in between, or somebody else may be changing it.
		if !errors.As(err, &absent) && !errors.As(err, &exists) {
			return wrap("update", err)
		}
	}
	return fmt.Errorf("schedule: EventBridge Scheduler did not take schedule %s in %d attempts", *in.Name, attempts)
}

func once(o *scheduler.Options) { o.Retryer = aws.NopRetryer{} }

// do sends a request again while the service is busy. All of them can be repeated.
func (s *Scheduler) do(ctx context.Context, send func() error) error {
	var err error
	for n := range attempts {
		if wait := s.pause.Wait(ctx, n); wait != nil {
			return wait
		}
		if err = send(); err == nil || !again(err) {
			return err
		}
		if ended := ctx.Err(); ended != nil {
			return ended
		}
	}
	return err
}

func again(err error) bool {
	return retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary ||
		retry.IsErrorThrottles(retry.DefaultThrottles).IsErrorThrottle(err) == aws.TrueTernary
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("schedule: %s in EventBridge Scheduler: %w", what, err)
}
