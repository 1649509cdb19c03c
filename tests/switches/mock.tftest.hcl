# An AWS that answers nothing but what the configuration must know to be planned. In front of it stands the real
# provider, which checks every argument that is known.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_route_tables" {
    defaults = { ids = ["rtb-0000000000000000a", "rtb-0000000000000000b"] }
  }

  mock_data "aws_vpc" {
    defaults = { cidr_block = "172.20.0.0/16" }
  }

  # The provider derives the records from the domain before the certificate is made.
  mock_resource "aws_acm_certificate" {
    override_during = plan
    defaults = {
      arn = "arn:aws:acm:us-east-1:087439708020:certificate/00000000-0000-0000-0000-000000000000"
      domain_validation_options = [{
        domain_name           = "thoth-staging.tfs.services"
        resource_record_name  = "_0.thoth-staging.tfs.services."
        resource_record_type  = "CNAME"
        resource_record_value = "_0.acm-validations.aws."
      }]
    }
  }
}

mock_provider "aws" {
  alias = "shared"
}
