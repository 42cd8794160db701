package registry

import (
	"context"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/fault"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// ListAuditRecords implements RegistryService.
func (s *Service) ListAuditRecords(ctx context.Context, req *registryv1.ListAuditRecordsRequest) (*registryv1.ListAuditRecordsResponse, error) {
	filter, err := fromAuditFilter(req)
	if err != nil {
		return nil, err
	}
	records, next, err := event.List(ctx, s.audit, filter, int(req.GetPageSize()), req.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &registryv1.ListAuditRecordsResponse{Records: records, NextPageToken: next}, nil
}

// fromAuditFilter reads an absent instant as that before all. Fails with
// fault.Invalid.
func fromAuditFilter(req *registryv1.ListAuditRecordsRequest) (event.Filter, error) {
	f := event.Filter{Type: req.GetType(), ClientID: req.GetClientId(), Sub: req.GetSub()}
	if req.GetSince() == nil {
		return f, nil
	}
	if err := req.GetSince().CheckValid(); err != nil {
		return event.Filter{}, fault.Because(fault.Invalid, "since must be a time of the years 1 to 9999", err)
	}
	f.Since = req.GetSince().AsTime()
	return f, nil
}
