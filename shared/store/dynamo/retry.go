package dynamo

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"meibo/shared/store"
)

// attempts is how often a request is sent at most: with the pauses of backoff about six seconds in all.
const attempts = 8

// outcome is what an error says about the request.
type outcome int

const (
	final     outcome = iota // sending it again would change nothing
	throttled                // nothing was done, too many requests
	contended                // nothing was done, the items are in another transaction
	unsure                   // it may have been done
)

func outcomeOf(err error) outcome {
	var (
		cancelled *types.TransactionCanceledException
		conflict  *types.TransactionConflictException
		running   *types.TransactionInProgressException
	)
	switch {
	case errors.As(err, &cancelled):
		return outcomeOfReasons(cancelled.CancellationReasons)
	case errors.As(err, &conflict):
		return contended
	case errors.As(err, &running): // an attempt before this one goes on
		return unsure
	case retry.IsErrorThrottles(retry.DefaultThrottles).IsErrorThrottle(err) == aws.TrueTernary:
		return throttled
	case retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary:
		return unsure
	}
	return final
}

// outcomeOfReasons: a condition that does not hold is final, whatever else got in the way.
func outcomeOfReasons(reasons []types.CancellationReason) outcome {
	found := final
	for _, r := range reasons {
		switch aws.ToString(r.Code) {
		case "ConditionalCheckFailed", "ValidationError", "ItemCollectionSizeLimitExceeded":
			return final
		case "TransactionConflict":
			found = contended
		case "ThrottlingError", "ProvisionedThroughputExceeded":
			if found == final {
				found = throttled
			}
		}
	}
	return found
}

// do sends a request until its outcome is final. send is told whether an earlier attempt may have been carried out.
func (t *table) do(ctx context.Context, what string, send func(doubt bool) error) error {
	doubt := false
	var err error
	for n := range attempts {
		if wait := t.pause.Wait(ctx, n); wait != nil {
			return wait
		}
		if err = send(doubt); err == nil {
			return nil
		}
		if ended := ctx.Err(); ended != nil {
			return ended
		}
		switch outcomeOf(err) {
		case final:
			return refusal(what, err)
		case unsure:
			doubt = true
		}
	}
	switch o := outcomeOf(err); {
	case doubt: // do not say that nothing was written
	case o == throttled:
		return fmt.Errorf("%w: DynamoDB %s, %d attempts", store.ErrThrottled, what, attempts)
	case o == contended:
		return fmt.Errorf("%w: DynamoDB %s, %d attempts", store.ErrContention, what, attempts)
	}
	return fmt.Errorf("store: DynamoDB %s, %d attempts: %w", what, attempts, err)
}

// refusal leaves the store's own errors as they are.
func refusal(what string, err error) error {
	var refused *store.ConditionError
	if errors.As(err, &refused) || errors.Is(err, store.ErrNotFound) {
		return err
	}
	return fmt.Errorf("store: DynamoDB %s: %w", what, err)
}
