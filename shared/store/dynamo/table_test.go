package dynamo_test

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"meibo/shared/clock"
	"meibo/shared/store"
	"meibo/shared/store/dynamo"
	"meibo/shared/store/storetest"
)

func client(endpoint string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: &endpoint, Region: "ap-northeast-1",
		Credentials: aws.NewCredentialsCache(credentials.NewStaticCredentialsProvider("local", "local", "")),
	})
}

// opener makes a table per call on the DynamoDB at MEIBO_DYNAMODB_ENDPOINT, and drops it when the test ends.
func opener(t testing.TB) storetest.Open {
	endpoint := os.Getenv("MEIBO_DYNAMODB_ENDPOINT")
	if endpoint == "" {
		t.Skip("MEIBO_DYNAMODB_ENDPOINT is not set: start DynamoDB Local and set it to the address, such as http://127.0.0.1:8000")
	}
	api := client(endpoint)
	var tables atomic.Int32
	return func(t testing.TB) (store.Table, *clock.Virtual) {
		name := fmt.Sprintf("meibo-test-%d-%d-%d", os.Getpid(), time.Now().UnixNano(), tables.Add(1))
		if err := dynamo.CreateTable(t.Context(), api, name); err != nil {
			t.Fatal(err)
		}
		if err := dynamo.CreateTable(t.Context(), api, name); err != nil {
			t.Fatalf("again: %v", err)
		}
		t.Cleanup(func() { // after t.Context has ended
			if _, err := api.DeleteTable(contextWithoutEnd(), &dynamodb.DeleteTableInput{TableName: &name}); err != nil {
				t.Errorf("drop the table: %v", err)
			}
		})
		clk := clock.NewVirtual(storetest.Start, true)
		return dynamo.New(api, name, clk), clk
	}
}

func TestTable(t *testing.T) { storetest.Run(t, opener(t)) }

func BenchmarkTable(b *testing.B) { storetest.Bench(b, opener(b)) }
