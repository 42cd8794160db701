package grpcserve

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// The service config of gRPC: how calls are spread, and which are repeated.
type (
	config struct {
		LoadBalancing []map[string]struct{} `json:"loadBalancingConfig"`
		Methods       []methodConfig        `json:"methodConfig"`
		Throttling    throttling            `json:"retryThrottling"`
		Health        healthConfig          `json:"healthCheckConfig"`
	}
	methodConfig struct {
		Name  []methodName `json:"name"`
		Retry retryPolicy  `json:"retryPolicy"`
	}
	methodName struct {
		Service string `json:"service"`
		Method  string `json:"method"`
	}
	retryPolicy struct {
		MaxAttempts    int      `json:"maxAttempts"`
		InitialBackoff string   `json:"initialBackoff"`
		MaxBackoff     string   `json:"maxBackoff"`
		Multiplier     float64  `json:"backoffMultiplier"`
		Codes          []string `json:"retryableStatusCodes"`
	}
	// throttling is a budget: a failure takes a token, a success gives a tenth of
	// one, and below half of them nothing is repeated. What is repeated for long
	// is a tenth of what succeeds.
	throttling struct {
		MaxTokens  int     `json:"maxTokens"`
		TokenRatio float64 `json:"tokenRatio"`
	}
	healthConfig struct {
		ServiceName string `json:"serviceName"`
	}
)

// serviceConfig is that of every connection.
func serviceConfig() (string, error) {
	c := config{
		LoadBalancing: []map[string]struct{}{{"round_robin": {}}},
		Throttling:    throttling{MaxTokens: 10, TokenRatio: 0.1},
	}
	if names := repeatable(); len(names) > 0 {
		c.Methods = []methodConfig{{Name: names, Retry: retryPolicy{
			MaxAttempts: 3, InitialBackoff: "0.02s", MaxBackoff: "0.2s", Multiplier: 2, Codes: []string{"UNAVAILABLE"},
		}}}
	}
	encoded, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("encode service config: %w", err)
	}
	return string(encoded), nil
}

// repeatable are the methods that have the same effect once and twice, by what
// their contracts say.
func repeatable() []methodName {
	var names []methodName
	eachMethod(func(_ string, m protoreflect.MethodDescriptor) {
		options, _ := m.Options().(*descriptorpb.MethodOptions)
		if options.GetIdempotencyLevel() != descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN {
			names = append(names, methodName{string(m.Parent().FullName()), string(m.Name())})
		}
	})
	return names
}
