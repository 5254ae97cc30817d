"""Tests for aigw_extproc.aws.names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw_extproc.aws.names import (
    control_plane_host,
    host_region,
    is_external_id,
    is_role_arn,
    is_session_name,
    model_region,
)


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("bedrock-runtime.us-east-1.amazonaws.com", "us-east-1"),
        ("bedrock-runtime.us-east-1.amazonaws.com:443", "us-east-1"),
        ("bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("bedrock-runtime.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("bedrock-runtime.cn-north-1.api.amazonwebservices.com.cn", "cn-north-1"),
        ("bedrock-runtime.eu-west-1.api.aws", "eu-west-1"),
        ("bedrock-runtime-fips.us-east-2.api.aws", "us-east-2"),
        ("bedrock-runtime.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
        ("vpce-0a1b-2c3d.bedrock-runtime.eu-west-1.vpce.amazonaws.com", "eu-west-1"),
        ("vpce-0a1b-2c3d-eu-west-1a.bedrock-runtime.eu-west-1.vpce.amazonaws.com", "eu-west-1"),
        ("vpce-0a1b.bedrock-runtime-fips.us-east-1.vpce.amazonaws.com", "us-east-1"),
        ("vpce-0a1b.bedrock-runtime.cn-northwest-1.vpce.amazonaws.com.cn", "cn-northwest-1"),
        ("bedrock-runtime.us-east-1.amazonaws.com.evil.example", None),
        ("evil-bedrock-runtime.us-east-1.amazonaws.com", None),
        ("bedrock.us-east-1.amazonaws.com", None),
        ("bedrock-runtime.amazonaws.com", None),
        ("bedrock-runtime.us-east-1.amazonaws.com:443.evil.example", None),
        ("gateway.internal", None),
        ("127.0.0.1:8091", None),
    ],
)
def test_region_of_a_host(host: str, region: str | None):
    assert host_region(host) == region


@pytest.mark.parametrize(
    ("host", "control_plane"),
    [
        ("bedrock-runtime.us-east-1.amazonaws.com", "bedrock.us-east-1.amazonaws.com"),
        ("bedrock-runtime-fips.us-gov-west-1.amazonaws.com:443", "bedrock-fips.us-gov-west-1.amazonaws.com"),
        ("bedrock-runtime.eu-west-1.api.aws", "bedrock.eu-west-1.api.aws"),
        ("vpce-0a1b-2c3d.bedrock-runtime.eu-west-1.vpce.amazonaws.com", "bedrock.eu-west-1.amazonaws.com"),
        ("127.0.0.1:8091", None),
    ],
)
def test_control_plane_of_a_host(host: str, control_plane: str | None):
    assert control_plane_host(host) == control_plane


@pytest.mark.parametrize(
    ("model", "region"),
    [
        ("arn:aws:bedrock:eu-west-1:111122223333:inference-profile/eu.amazon.nova-pro-v1:0", "eu-west-1"),
        ("arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/anthropic.claude-v2", "us-gov-west-1"),
        ("arn:aws-cn:bedrock:cn-north-1:111122223333:provisioned-model/x", "cn-north-1"),
        ("arn:aws:sagemaker:us-east-2:111122223333:endpoint/mine", "us-east-2"),
        ("us.amazon.nova-micro-v1:0", None),
        ("arn:aws:s3:::bucket", None),
        ("arn:aws:bedrock", None),
    ],
)
def test_region_of_a_model(model: str, region: str | None):
    assert model_region(model) == region


@pytest.mark.parametrize(
    ("arn", "right"),
    [
        ("arn:aws:iam::111122223333:role/bedrock", True),
        ("arn:aws-cn:iam::111122223333:role/service/path/bedrock@x", True),
        ("arn:aws:iam::11112222333:role/bedrock", False),
        ("arn:aws:iam::111122223333:user/bedrock", False),
        ("arn:aws:iam::111122223333:role/", False),
        ("arn:aws:iam::111122223333:role/a b", False),
        ("arn:aws:iam::111122223333:role/a\n", False),
        ("bedrock", False),
    ],
)
def test_arn_of_a_role(arn: str, right: bool):
    assert is_role_arn(arn) is right


@given(st.from_regex(r"[A-Za-z0-9_+=,.@:/-]{2,1224}", fullmatch=True))
def test_external_id(text: str):
    assert is_external_id(text)
    assert not is_external_id(f"{text} ")


@given(st.from_regex(r"[A-Za-z0-9_+=,.@-]{2,64}", fullmatch=True))
def test_session_name(text: str):
    assert is_session_name(text)
    assert not is_session_name(text.ljust(65, "x"))
