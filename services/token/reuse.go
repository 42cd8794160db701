package token

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-auth/chancery/pkg/fault"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// ListReuses implements TokenService.
func (s *Service) ListReuses(ctx context.Context, req *tokenv1.ListReusesRequest) (*tokenv1.ListReusesResponse, error) {
	grants := make([]uuid.UUID, 0, len(req.GetGrantIds()))
	for _, text := range req.GetGrantIds() {
		id, err := uuid.Parse(text)
		if err != nil {
			return nil, fault.Because(fault.Invalid, "grant_ids must be UUIDs", err)
		}
		grants = append(grants, id)
	}
	reuses, err := s.deps.Stores.Families.Reuses(ctx, grants)
	if err != nil {
		return nil, fmt.Errorf("list reuses: %w", err)
	}
	resp := &tokenv1.ListReusesResponse{}
	for _, u := range reuses {
		resp.Reuses = append(resp.Reuses, &tokenv1.ListReusesResponse_Reuse{
			GrantId: u.GrantID.String(), RepeatTime: timestamp(u.Repeated), LateTime: timestamp(u.Late),
		})
	}
	return resp, nil
}

// timestamp is absent for the zero time.
func timestamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
