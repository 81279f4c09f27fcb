// Command api is the Lambda function that answers the HTTP API. Its routes stand behind the gateway's JWT authorizer.
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
	lambda.Start(lambdahttp.Handler(a.API()))
}
