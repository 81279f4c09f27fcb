package dynamo

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"meibo/shared/store"
)

// Write sends one op as the single request that costs half as much as a transaction.
func (t *table) Write(ctx context.Context, ops ...store.Op) error {
	var at []int // ops that DynamoDB has to see; a check of nothing, it would refuse
	for i, op := range ops {
		if op.Kind != store.OpCheck || op.If != (store.Cond{}) {
			at = append(at, i)
		}
	}
	now := t.clk.Now()
	switch len(at) {
	case 0:
		return ctx.Err()
	case 1:
		err := t.writeOne(ctx, ops[at[0]], now)
		if _, refused := store.Refused(err); refused {
			return &store.ConditionError{Failed: at}
		}
		return err
	}
	items := make([]types.TransactWriteItem, len(at))
	for i, j := range at {
		items[i] = t.transactItem(ops[j], now)
	}
	return t.transact(ctx, items, at)
}

func (t *table) writeOne(ctx context.Context, op store.Op, now time.Time) error {
	switch op.Kind {
	case store.OpPut:
		return t.putOne(ctx, op.Item, conditionOf(op.If, now))
	case store.OpDelete:
		return t.deleteOne(ctx, op.Item.Key, conditionOf(op.If, now))
	}
	it, err := t.Get(ctx, op.Item.Key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if !op.If.Holds(it, err == nil) {
		return &store.ConditionError{Failed: []int{0}}
	}
	return nil
}

func (t *table) putOne(ctx context.Context, it store.Item, c condition) error {
	in := &dynamodb.PutItemInput{
		TableName: t.name, Item: encode(it),
		ConditionExpression: c.expr, ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	return t.do(ctx, "PutItem", func(doubt bool) error {
		_, err := t.api.PutItem(ctx, in, once)
		// The condition of a repeated put fails on what the lost attempt wrote. That is success.
		old, failed := conditionFailed(err)
		if failed && doubt && old != nil {
			if was, err := decode(old); err == nil && equal(was, it) {
				return nil
			}
		}
		if failed {
			return &store.ConditionError{Failed: []int{0}}
		}
		return err
	})
}

func (t *table) deleteOne(ctx context.Context, k store.Key, c condition) error {
	in := &dynamodb.DeleteItemInput{
		TableName: t.name, Key: encodeKey(k),
		ConditionExpression: c.expr, ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	return t.do(ctx, "DeleteItem", func(doubt bool) error {
		_, err := t.api.DeleteItem(ctx, in, once)
		// As above: that nothing is there any more is what the lost attempt was for.
		old, failed := conditionFailed(err)
		if failed && doubt && old == nil {
			return nil
		}
		if failed {
			return &store.ConditionError{Failed: []int{0}}
		}
		return err
	})
}

func conditionFailed(err error) (old attributes, failed bool) {
	var e *types.ConditionalCheckFailedException
	if !errors.As(err, &e) {
		return nil, false
	}
	return e.Item, true
}

func equal(a, b store.Item) bool {
	return a.Key == b.Key && a.V == b.V && a.Fence == b.Fence && a.Expires.Equal(b.Expires) && bytes.Equal(a.Body, b.Body)
}

func (t *table) transactItem(op store.Op, now time.Time) types.TransactWriteItem {
	c := conditionOf(op.If, now)
	switch op.Kind {
	case store.OpPut:
		return types.TransactWriteItem{Put: &types.Put{
			TableName: t.name, Item: encode(op.Item),
			ConditionExpression: c.expr, ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values,
		}}
	case store.OpDelete:
		return types.TransactWriteItem{Delete: &types.Delete{
			TableName: t.name, Key: encodeKey(op.Item.Key),
			ConditionExpression: c.expr, ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values,
		}}
	}
	return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
		TableName: t.name, Key: encodeKey(op.Item.Key),
		ConditionExpression: c.expr, ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values,
	}}
}

// transact sends a transaction; at says which op each item is. A token makes an attempt after a lost answer harmless; it is
// kept only that long, since DynamoDB answers a known token for ten minutes without looking at the items again.
func (t *table) transact(ctx context.Context, items []types.TransactWriteItem, at []int) error {
	in := &dynamodb.TransactWriteItemsInput{TransactItems: items, ClientRequestToken: aws.String(rand.Text())}
	return t.do(ctx, "TransactWriteItems", func(bool) error {
		_, err := t.api.TransactWriteItems(ctx, in, once)
		var cancelled *types.TransactionCanceledException
		if !errors.As(err, &cancelled) {
			return err
		}
		// Cancelled means that neither this attempt nor one before it did anything.
		in.ClientRequestToken = aws.String(rand.Text())
		var failed []int
		for i, r := range cancelled.CancellationReasons {
			if aws.ToString(r.Code) == "ConditionalCheckFailed" && i < len(at) {
				failed = append(failed, at[i])
			}
		}
		if failed != nil {
			return &store.ConditionError{Failed: failed}
		}
		return err
	})
}
