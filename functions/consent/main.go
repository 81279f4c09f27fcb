// Command consent is the Lambda function that answers vendors' consent callbacks. Its routes have no authorizer: the one-time state is the proof.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"meibo/shared/cloud"
	"meibo/shared/lambdahttp"
)

func main() {
	a, err := cloud.FromEnv(context.Background(), os.Getenv, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lambda.Start(lambdahttp.Handler(a.Consent()))
}
