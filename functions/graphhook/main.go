// Command graphhook is the Lambda function that takes Microsoft Graph's notifications. Its route has no authorizer: the client state of the subscription is the proof.
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
	lambda.Start(lambdahttp.Handler(a.Hooks(system.Microsoft)))
}
