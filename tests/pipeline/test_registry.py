"""What is published stays: nothing older comes after it, and nothing comes by halves."""

import errno
import os
import shutil

import pytest

from helpers import serving
from helpers.errors import CacheError
from helpers.pipeline import PipelineError, newest_published, publish_bundle, registry, sign_package
from helpers.serving import BundleError
from tests.pipeline import small


class Shop:
    """A folder with keys, bundles and a registry."""

    def __init__(self, folder):
        self.folder, self.registry = folder, folder / "registry"
        self.private, self.public = serving.make_keys(folder / "keys")
        self.made = 0

    def signed(self, serial, what="", **other):
        self.made += 1
        small.bundle(self.folder / str(self.made) / "bundle", self.private, serial, what, **other)
        return self.folder / str(self.made)

    def publish(self, signed, key=None):
        publish_bundle(signed, signed, registry=self.registry, trusted_key=key or self.public)

    def there(self):
        return sorted(str(path.relative_to(self.registry)) for path in self.registry.glob("*/*") if path.is_dir())


@pytest.fixture
def shop(tmp_path):
    return Shop(tmp_path)


def test_newer_ones_lie_beside_older_ones(shop):
    assert newest_published(shop.registry, "signs") == 0
    for serial in (2, 10):
        shop.publish(shop.signed(serial))
    assert shop.there() == ["signs/10", "signs/2"]
    assert newest_published(shop.registry, "signs") == 10
    assert serving.verified(shop.registry / "signs" / "10", shop.public).manifest["serial"] == 10


def test_an_older_one_is_refused_and_leaves_nothing(shop):
    shop.publish(shop.signed(10))
    with pytest.raises(BundleError, match="serial 10 is known: an older bundle stands in a newer one's place"):
        shop.publish(shop.signed(9))
    assert shop.there() == ["signs/10"]
    shop.publish(shop.signed(1, name="people"))  # each name counts for itself
    assert shop.there() == ["people/1", "signs/10"]


def test_the_same_once_more_changes_nothing_and_another_of_that_serial_is_refused(shop):
    shop.publish(shop.signed(3, "a"))
    before = (shop.registry / "signs" / "3" / serving.SIGNATURE).read_bytes()
    shop.publish(shop.signed(3, "a"))  # signed anew
    assert (shop.registry / "signs" / "3" / serving.SIGNATURE).read_bytes() == before
    with pytest.raises(BundleError, match=r"signs/3 is there already and holds another bundle: a serial is given once"):
        shop.publish(shop.signed(3, "b"))
    assert shop.there() == ["signs/3"]


@pytest.mark.parametrize("kind", serving.ATTACKS)
def test_what_is_not_what_was_signed_is_not_published(shop, kind, tmp_path):
    shop.publish(shop.signed(2))
    honest = shop.signed(2, "{}") / "bundle"
    spoilt = serving.plant(kind, honest, tmp_path / "planted", shop.private)
    spoilt.rename(tmp_path / "planted" / "bundle")
    with pytest.raises(BundleError):
        shop.publish(tmp_path / "planted")
    assert shop.there() == ["signs/2"]


def test_a_stranger_publishes_nothing(shop, tmp_path):
    stranger = serving.make_keys(tmp_path / "stranger")
    with pytest.raises(BundleError, match="not made by the owner"):
        shop.publish(shop.signed(1), stranger[1])
    assert shop.there() == []


def test_a_name_cannot_lead_out_of_the_registry(shop):
    for name in ("../keys", "..", ""):
        with pytest.raises(BundleError, match="cannot have a folder of that name"):
            shop.publish(shop.signed(1, name=name))
    assert not shop.registry.exists()


def test_a_disk_that_fills_up_leaves_nothing_half_written(shop, monkeypatch):
    shop.publish(shop.signed(1))
    copied = shutil.copytree

    def full(source, target, **options):
        copied(source, target, **options)
        (target / "model.onnx").unlink()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(registry.shutil, "copytree", full)
    with pytest.raises(CacheError, match=r"could not write to .*No space left.*Nothing was put there"):
        shop.publish(shop.signed(2))
    assert shop.there() == ["signs/1"]


def test_a_registry_that_cannot_be_written_is_said_in_a_sentence(shop):
    signed = shop.signed(1)
    shop.registry.write_text("a file, no folder")
    with pytest.raises(CacheError, match=r"could not write to .*Nothing was put there"):
        shop.publish(signed)


def test_a_package_is_signed_by_the_key_of_the_release(shop, tmp_path):
    throwaway = serving.make_keys(tmp_path / "package" / "keys")
    small.bundle(tmp_path / "package" / "bundle", throwaway[0], 1, "a")
    throwaway[1].rename(tmp_path / "package" / "public.pem")
    sign_package(tmp_path / "package", tmp_path / "signed", private_key=shop.private)
    found = serving.verified(tmp_path / "signed" / "bundle", shop.public)
    assert found.contents == serving.verified(tmp_path / "package" / "bundle", tmp_path / "package/public.pem").contents
    with pytest.raises(PipelineError, match=r"there is no key at .*make_keys"):
        sign_package(tmp_path / "package", tmp_path / "again", private_key=tmp_path / "none.pem")
    (tmp_path / "package" / "bundle" / "model.onnx").write_text("lost on the way")
    with pytest.raises(BundleError, match=r"model\.onnx is not the file that was signed"):
        sign_package(tmp_path / "package", tmp_path / "again", private_key=shop.private)
    assert not (tmp_path / "again").exists()
