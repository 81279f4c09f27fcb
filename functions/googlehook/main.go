// Command googlehook is the Lambda function that takes Google's notifications. Its route has no authorizer: the token of the channel is the proof. Contacts are not pushed by
// Google; the function serves the kinds that are.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"meibo/shared/cloud"
	"meibo/shared/lambdahttp"
	"meibo/shared/system"
)

func main() {
	a, err := cloud.FromEnv(context.Background(), os.Getenv, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lambda.Start(lambdahttp.Handler(a.Hooks(system.Google)))
}
