package token

import (
	"context"
	"errors"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/fault"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
	"github.com/chancery-auth/chancery/services/token/internal/resourceset"
)

// GetResources implements TokenService.
func (s *Service) GetResources(ctx context.Context, req *tokenv1.GetResourcesRequest) (*tokenv1.GetResourcesResponse, error) {
	var digest resourceset.Digest
	if copy(digest[:], req.GetDigest()) != len(digest) || len(req.GetDigest()) != len(digest) {
		return nil, fault.New(fault.Invalid, "digest must have 32 bytes")
	}
	set, err := s.deps.Stores.Sets.Find(ctx, digest)
	if errors.Is(err, resourceset.ErrNotFound) {
		return nil, fault.Because(fault.NotFound, "there is no such set of resources", err)
	}
	if err != nil {
		return nil, fmt.Errorf("find resource set: %w", err)
	}
	return &tokenv1.GetResourcesResponse{Resources: set}, nil
}
