// Command crmhook is the Lambda function that takes the CRMs' notifications. Its route has no authorizer: what proves a notification is
// the secret of its subscription, or of Meibo's registration at a system that tells of all accounts at one address. A further CRM is one
// more id here, with a reader of its own in package system.
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
	lambda.Start(lambdahttp.Handler(a.Hooks(system.Pipedrive, system.Zoho, system.HubSpot)))
}
