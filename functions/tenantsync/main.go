// Command tenantsync is the Lambda function that a tenant's schedule invokes: it asks for runs of the connections that are due.
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
	lambda.Start(a.TenantSync)
}
