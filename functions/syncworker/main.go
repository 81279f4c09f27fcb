// Command syncworker is the Lambda function that takes messages of the sync queue: one slice of one connection's run per message.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"meibo/shared/cloud"
)

func main() {
	a, err := cloud.FromEnv(context.Background(), os.Getenv, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lambda.Start(a.Worker)
}
